"""Sweeps: trainings of one recipe with several values and seeds, one after the other."""
