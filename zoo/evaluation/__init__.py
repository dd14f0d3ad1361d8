"""Looking at a generator without changing its training."""
