"""Reading the past: Submit History, the case list, timelines."""
