"""Measurements of the product as a whole: `python -m bench`, or `make bench`."""
