"""Which category, and how sure."""
