"""Finding plugins, and what they bring."""
