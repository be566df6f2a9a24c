"""The `flask --app webapp …` commands, by noun (SPEC L1)."""
