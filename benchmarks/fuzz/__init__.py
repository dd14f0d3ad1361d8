"""Many mutations of every kind of file that the zoo reads."""
