"""Trainings and pictures on the screen."""
