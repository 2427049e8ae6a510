"""Filters of the inbox pages."""
