"""What a training survives, shown on real processes: one script a proof, each cleans up after itself."""
