"""Which cases are on whose phone, and the document that brings them there (SPEC §5, §6)."""
