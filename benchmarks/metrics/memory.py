"""How much memory a figure takes: `python -m benchmarks.metrics.memory SIDE CHANNELS PICTURES METRIC [METRIC ...]`.

Prints the most bytes that `zoo evaluate` takes beyond what it had before it measured, in all and for each number of the
pictures, of random pixels compared with 1,024 real ones. A METRIC is spelt as on the command line, `kid:drawings`.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import torch

from benchmarks.peak_memory import peak_resident
from zoo.figures.measure import measured
from zoo.figures.metrics import asked_for
from zoo.figures.real import HELD_OUT, RealSet
from zoo.images import Images
from zoo.plugins.collect import load_registry

REAL = 1024


def main() -> None:
    """Measure a few pictures first, so that what is loaded once does not count."""
    side, channels, count = map(int, sys.argv[1:4])
    chosen = asked_for(sys.argv[4:], None, (), load_registry())
    random = np.random.default_rng(0)
    real = RealSet(
        Images(random.integers(0, 256, (2 * REAL, channels, side, side), np.uint8), "unknown", "random"),
        np.arange(REAL),
        np.arange(REAL, 2 * REAL),
        HELD_OUT,
        learnt_from=True,
    )
    torch.set_num_threads(1)
    few = replace(real, reference=real.reference[:64], training=np.arange(REAL, REAL + 64))
    measured(chosen, real.images.pixels[:64], few, 0, ends=False)
    before = peak_resident()
    pictures = random.integers(0, 256, (count, channels, side, side), np.uint8)
    measured(chosen, pictures, real, 0, ends=False)
    most = (peak_resident() - before) * 2**20
    print(
        f"{', '.join(sys.argv[4:])}: {count:,} of {side} x {side} x {channels} take {most / 2**20:,.0f} MiB, "
        f"{most / pictures.size:.1f} bytes a number"
    )


if __name__ == "__main__":
    main()
