"""Encoded pictures, folders and zips of them."""
