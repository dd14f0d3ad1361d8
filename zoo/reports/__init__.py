"""What became of a training: its history read back, what ails it, and the page that shows it."""
