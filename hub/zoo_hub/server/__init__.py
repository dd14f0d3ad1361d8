"""A small Hub in one process, with the part of the Hub's protocol that the real client needs for models."""
