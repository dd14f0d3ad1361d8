"""Layers for generators and critics that torch has not, or not as fast."""
