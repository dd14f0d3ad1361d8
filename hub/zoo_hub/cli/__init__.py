"""`zoo push`, `zoo pull`, `zoo hub` and `zoo cache`."""
