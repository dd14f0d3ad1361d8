"""Generator folders and latents."""
