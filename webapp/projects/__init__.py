"""Projects, their settings, and what roles may do in them."""
