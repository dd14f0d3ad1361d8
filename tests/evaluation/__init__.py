"""Looking at a generator."""
