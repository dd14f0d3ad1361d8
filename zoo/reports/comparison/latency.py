"""How long generators take for pictures here, measured in turns, so that what else the machine does slows all alike."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from zoo.errors import ZooError
from zoo.generators.latents import latents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.generators.generator import Generator
    from zoo.reports.comparison.generators import Load

ROUNDS = 20
SECONDS = 20.0
"""After which no further round begins."""


def measure_latency(names: Iterable[str], load: Load) -> tuple[dict[str, float], dict[str, ZooError]]:
    """Return the median milliseconds of each generator for one picture, from the latent to its pixels.

    Of one that cannot be opened, or makes no pictures, it is said why instead.
    """
    with ExitStack() as stack:
        opened: dict[str, Generator] = {}
        errors: dict[str, ZooError] = {}
        for name in dict.fromkeys(names):
            try:
                opened[name] = stack.enter_context(closing(load(name)))
            except ZooError as error:
                errors[name] = error
        times: dict[str, list[float]] = {name: [] for name in opened}
        began = time.perf_counter()
        for done in range(ROUNDS + 1):
            if done > 1 and time.perf_counter() - began > SECONDS:
                break
            for name in [name for name in opened if name not in errors]:
                try:
                    taken = _milliseconds(opened[name], done)
                except ZooError as error:
                    errors[name] = error
                    continue
                # The first one starts what runs it.
                if done:
                    times[name].append(taken)
    return {name: statistics.median(found) for name, found in times.items() if name not in errors}, errors


def _milliseconds(generator: Generator, number: int) -> float:
    z = latents(0, 1, generator.latent_dim, start=number)
    start = time.perf_counter()
    generator.generate(z)
    return 1000 * (time.perf_counter() - start)
