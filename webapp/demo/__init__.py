"""A project whose people, cases and forms are made up: what Casekeeper looks like in use."""
