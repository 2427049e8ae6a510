"""Closed days, written out to the catalogue folder: products, predictions and labels, a shard a day."""
