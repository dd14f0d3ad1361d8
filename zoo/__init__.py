"""A plugin-based model zoo of GANs."""

__version__ = "0.1.0"
