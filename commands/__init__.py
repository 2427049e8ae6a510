"""The `aisle` command line."""
