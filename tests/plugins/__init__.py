"""Other people's plugins."""
