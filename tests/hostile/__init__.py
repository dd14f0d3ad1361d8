"""Attacks: files and requests that nobody needs, and what they may take."""
