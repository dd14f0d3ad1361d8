"""How long generators take for pictures here, measured in turns, so that what else the machine does slows all alike."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from zoo.generators.latents import latents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.generators.generator import Generator
    from zoo.reports.comparison.generators import Load

ROUNDS = 20
SECONDS = 20.0
"""After which no further round begins."""


def measure_latency(names: Iterable[str], load: Load) -> dict[str, float]:
    """Return the median milliseconds of each generator for one picture, from the latent to its pixels.

    Raises:
        ZooError: one cannot be opened, or makes no pictures.
    """
    opened: dict[str, Generator] = {name: load(name) for name in dict.fromkeys(names)}
    times: dict[str, list[float]] = {name: [] for name in opened}
    began = time.perf_counter()
    try:
        for done in range(ROUNDS + 1):
            if done > 1 and time.perf_counter() - began > SECONDS:
                break
            for name, generator in opened.items():
                z = latents(0, 1, generator.latent_dim, start=done)
                start = time.perf_counter()
                generator.generate(z)
                # The first one starts what runs it.
                if done:
                    times[name].append(1000 * (time.perf_counter() - start))
    finally:
        for generator in opened.values():
            generator.close()
    return {name: statistics.median(found) for name, found in times.items()}
