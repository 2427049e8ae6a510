"""Aisle: products into their category, automatically where the promised accuracy can be kept."""
