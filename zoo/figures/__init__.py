"""Measuring a finished generator by any metric, against any images."""
