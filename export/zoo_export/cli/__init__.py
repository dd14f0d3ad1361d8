"""`zoo export` and `zoo generate`."""
