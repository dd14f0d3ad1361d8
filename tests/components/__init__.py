"""The built-in components, and what holds for all of them."""
