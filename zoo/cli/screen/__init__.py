"""A training on the screen."""
