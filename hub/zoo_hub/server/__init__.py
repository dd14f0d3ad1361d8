"""A small Hub in one process, which speaks as much of the Hub's protocol as the real client needs for models."""
