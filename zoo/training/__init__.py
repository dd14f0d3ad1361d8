"""The training loop and what it runs on. Knows nothing of torch.distributed."""
