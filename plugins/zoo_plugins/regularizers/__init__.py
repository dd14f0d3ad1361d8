"""Constraints on the critic."""
