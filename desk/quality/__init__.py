"""How good the catalogue and its people are, what it costs, and which alarms rang."""
