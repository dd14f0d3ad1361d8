"""From a run's checkpoint to a generator folder, and from that back to a network."""
