"""Automatic update rules: what they say, what they would do, their runs and the undo."""
