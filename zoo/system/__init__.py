"""Disk, downloads, signals and stderr: what knows nothing of GANs."""
