"""Trials of one worker and of several in the same time."""
