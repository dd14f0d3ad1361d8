"""A Hub on this machine, people who use it, and what they publish."""
