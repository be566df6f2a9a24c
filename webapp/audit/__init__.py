"""The audit log: every write that is no form leaves an event here (SPEC X3), and so
does whoever takes much away at once: a file, or the cases of a worker's phone."""
