"""Labelling: tasks are claimed, shown, answered; what follows from an answer; what counts as a label."""
