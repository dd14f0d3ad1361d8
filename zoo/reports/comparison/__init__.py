"""Runs and generators side by side: their figures, curves, pictures and costs."""
