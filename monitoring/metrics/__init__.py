"""Evidently's metrics for what it has none: audited accuracy, the alarm, shifts of columns and text, the loop.

Some count the rows of the dataset themselves. Others show what the monitor has worked out before; that comes as a
dataset beside the rows (`additional_data`), never as a parameter: a metric whose parameters change from day to day is
another line on the dashboard every day.
"""
