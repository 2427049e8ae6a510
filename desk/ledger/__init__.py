"""The ledger: what came in, what the service said, who answered what, and what was changed. The one schema of it."""
