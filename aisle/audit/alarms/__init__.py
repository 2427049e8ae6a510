"""Alarms that may be looked at after every audit, and what tells a lasting shift from one odd day."""
