"""The desk: the web application of business owners and labellers, and the ledger of everything that happened."""
