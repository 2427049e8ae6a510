"""The stages of the learning loop: read, call `aisle`, write."""
