"""Monitoring: alarms, drift, blame, the loop replayed, and what a report costs."""
