"""The product's local Hub with a second address for large files, a log of what it was asked, and faults."""
