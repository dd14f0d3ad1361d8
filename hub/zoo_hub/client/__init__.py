"""Requests to the Hub: their limits, further tries, and errors as one sentence."""
