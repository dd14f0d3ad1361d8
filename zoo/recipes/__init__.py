"""Recipes: TOML files, typed."""
