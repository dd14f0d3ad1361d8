"""What trained networks see in images."""
