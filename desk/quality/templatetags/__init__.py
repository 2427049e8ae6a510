"""Filters of the quality pages."""
