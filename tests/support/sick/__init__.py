"""Trainings that are made sick on purpose."""
