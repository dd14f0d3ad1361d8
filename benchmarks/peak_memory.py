"""How much memory three iterations need: `python -m benchmarks.peak_memory plain|fp32|bf16 RECIPE` prints MiB."""

from __future__ import annotations

import resource
import sys

import torch

from benchmarks.training import iteration, plan_of


def main() -> None:
    """Print by how much the iterations raise the process's peak, or the device's."""
    way, recipe = sys.argv[1:]
    make = iteration(way, plan_of(recipe))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for _ in range(3):
        make()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    peak = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else after - before
    print(peak / 2**20)


if __name__ == "__main__":
    main()
