"""A training on disk: its folder, its record, its checkpoints, and going on with it."""
