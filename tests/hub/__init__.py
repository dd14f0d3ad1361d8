"""The Hub: client, cards, the local server."""
