"""What a notebook shows: a training as one line that stays up to date, and a run as its pictures."""
