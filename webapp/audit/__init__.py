"""The audit log: every write that is no form leaves an event here (SPEC X3)."""
