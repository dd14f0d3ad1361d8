"""Figures of finished generators."""
