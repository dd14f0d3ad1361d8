"""What the README's figures come from: `python -m benchmarks.steps`, `.startup`, `.inference`, `.parity`, `.kills`."""
