"""Readers of files that other tools write for devices; one file a format."""
