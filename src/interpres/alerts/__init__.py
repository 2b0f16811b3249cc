"""Alerts: the rules by which an engine says that something is not well, one file each."""
