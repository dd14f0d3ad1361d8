"""Seeded mutations of files, and what reads them."""
