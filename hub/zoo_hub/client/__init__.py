"""Calls to a Hub: what they may take, tried again, and what went wrong with them."""
