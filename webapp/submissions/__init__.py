"""Forms: received, parsed, applied, edited, archived, restored, rebuilt."""
