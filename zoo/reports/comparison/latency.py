"""How long generators take for pictures here, measured in turns, so that what else the machine does slows all alike."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack, closing
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from zoo.errors import ZooError
from zoo.generators.latents import latents

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from zoo.generators.generator import Generator
    from zoo.reports.comparison.generators import Load

OPEN = 4
"""At once, which take turns picture by picture: many generators need no more memory than the largest four."""
TURNS = 3
"""Of more than these, each is opened for so many turns, each time beside others."""
PICTURES = 21
"""Of each generator in all turns, as far as there is time."""
SECONDS = 20.0
"""For the pictures of all; in each turn a generator makes one that counts, whatever that takes."""


def measure_latency(names: Iterable[str], load: Load) -> tuple[dict[str, float], dict[str, ZooError]]:
    """Return the median milliseconds of each generator for one picture, from the latent to its pixels.

    Of one that cannot be opened, or makes no pictures, it is said why instead.
    """
    times: dict[str, list[float]] = {name: [] for name in names}
    errors: dict[str, ZooError] = {}
    for company in _companies([*times]):
        with ExitStack() as stack:
            opened: dict[str, Generator] = {}
            for name in (name for name in company.names if name not in errors):
                try:
                    opened[name] = stack.enter_context(closing(load(name)))
                except ZooError as error:
                    errors[name] = error
            for name, taken in _rounds(opened, company, errors):
                times[name].append(taken)
    return {name: statistics.median(found) for name, found in times.items() if name not in errors}, errors


class _Company(NamedTuple):
    """Generators that are open at once: `pictures` of each count, the first of them `first`, if `seconds` suffice."""

    names: Sequence[str]
    first: int
    pictures: int
    seconds: float


def _companies(names: Sequence[str]) -> Iterator[_Company]:
    """Yield who is open together, turn by turn, in a new order each time."""
    turns = TURNS if len(names) > OPEN else 1
    pictures, order = PICTURES // turns, [*names]
    for turn in range(turns):
        for start in range(0, len(order), OPEN):
            company = order[start : start + OPEN]
            seconds = SECONDS * len(company) / (turns * len(order))
            yield _Company(company, 1 + turn * pictures, pictures, seconds)
        Random(turn).shuffle(order)


def _rounds(
    opened: Mapping[str, Generator], company: _Company, errors: dict[str, ZooError]
) -> Iterator[tuple[str, float]]:
    """Yield milliseconds, one picture of each generator after the other, and note the errors of those that fail."""
    began = time.perf_counter()
    for done in range(company.pictures + 1):
        if done > 1 and time.perf_counter() - began > company.seconds:
            return
        for name in (name for name in opened if name not in errors):
            try:
                taken = _milliseconds(opened[name], company.first + done - 1)
            except ZooError as error:
                errors[name] = error
                continue
            # The first one starts what runs it.
            if done:
                yield name, taken


def _milliseconds(generator: Generator, number: int) -> float:
    z = latents(0, 1, generator.latent_dim, start=number)
    start = time.perf_counter()
    generator.generate(z)
    return 1000 * (time.perf_counter() - start)
