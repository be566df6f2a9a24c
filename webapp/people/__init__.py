"""Web users, mobile workers and API keys: who may do what, and who owns cases."""
