"""Cases, their indexes and transactions, and the one function that changes them."""
