"""Calibrations drawn at random from real scores: which thresholds keep what they promise."""
