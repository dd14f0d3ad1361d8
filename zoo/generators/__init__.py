"""Trained generators: what makes pictures, and the folder it lies in. Free of torch."""
