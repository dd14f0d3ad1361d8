"""What the README's figures come from: `python -m benchmarks.steps`, `.scaling`, `.startup`, `.inference`, `.parity`,
`.kills`."""
