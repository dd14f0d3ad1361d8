"""A generator's files on the Hub, in the local cache, and on their way to the Hub."""
