"""What the README's figures come from: each module says how it is run, `python -m benchmarks.training` and so on."""
