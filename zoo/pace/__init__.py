"""How far a training is, how fast it goes, and what is due when."""
