"""Where runs can be followed beside their folders."""
