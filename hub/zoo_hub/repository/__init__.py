"""A generator's files on the Hub, in the cache, and on their way."""
