"""Files that a stranger might hand over as a generator."""
