"""What the README's figures come from: `python -m benchmarks.steps`, `python -m benchmarks.startup`."""
