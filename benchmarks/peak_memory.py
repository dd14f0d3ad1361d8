"""How much memory three iterations need: `python -m benchmarks.peak_memory WAY RECIPE` prints MiB.

WAY is one of `benchmarks.training`'s; one that replays has made its recording before.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from benchmarks.support.subjects import plan_of
from benchmarks.training import iteration


def main() -> None:
    """Print by how much the iterations raise the process's peak, or the device's."""
    way, recipe = sys.argv[1:]
    make = iteration(way, plan_of(recipe))
    before = peak_resident()
    for _ in range(3):
        make()
    print(
        torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else peak_resident() - before
    )


def peak_resident() -> float:
    """Return the most MiB this process has had resident, by Linux's book: `ru_maxrss` begins at its parent's."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    main()
