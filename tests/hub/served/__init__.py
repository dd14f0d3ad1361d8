"""The Hub of one's own, as strangers meet it."""
