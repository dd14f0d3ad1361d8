"""What this is called, and which version. Imports nothing."""

__version__ = "0.2.0"
DISTRIBUTION = "gan-model-zoo"
"""What pip, the cache folder, the Hub's tags and user agents call it."""
