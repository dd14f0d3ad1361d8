"""What a GPU makes of a training."""
