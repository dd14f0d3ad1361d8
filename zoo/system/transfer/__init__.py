"""What a download is made of: what has come so far, and requests for the rest."""
