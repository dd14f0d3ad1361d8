"""How long several functions take, measured in turns, so that what else the machine does slows all of them alike."""

from __future__ import annotations

import math
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Name = TypeVar("Name")


def median_seconds(
    runs: Mapping[Name, Callable[[], object]], *, rounds: int, budget: float
) -> dict[Name, float]:
    """Return the median seconds of each function over `rounds` rounds, or fewer where they take over `budget` seconds.

    In a round each function is called twice in a row and the second call is timed: during the first, the threads of
    the function before it may still be spinning.
    """
    times: dict[Name, list[float]] = {name: [] for name in runs}
    began = time.perf_counter()
    for done in range(rounds):
        if done and (time.perf_counter() - began) * (done + 1) / done > budget:
            break
        for name, run in runs.items():
            run()
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in times.items()}


ROUNDS_AT_LEAST, CERTAIN = 10, 0.002
"""Rounds before a comparison is certain, and the chance that two functions of equal speed look as different."""


@dataclass(frozen=True)
class Speed:
    """How long one function takes for each second of another."""

    ratio: float
    """The median over all rounds: below 1, it is the faster one."""
    rounds: int
    faster: bool | None
    """None where what else the machine does leaves it open."""


def compare_speed(
    first: Callable[[], object], second: Callable[[], object], *, rounds: int, budget: float
) -> Speed:
    """Return how long the first takes for each second of the second.

    Each round calls both, in turns as `median_seconds` does, and counts which was faster. They end when a sign test
    is certain of the difference, or after `rounds` rounds or `budget` seconds without.
    """
    ratios: list[float] = []
    began = time.perf_counter()
    while len(ratios) < rounds:
        seconds = median_seconds({"first": first, "second": second}, rounds=1, budget=budget)
        ratios.append(seconds["first"] / seconds["second"])
        if _is_certain(ratios):
            return Speed(statistics.median(ratios), len(ratios), statistics.median(ratios) < 1)
        if time.perf_counter() - began > budget:
            break
    return Speed(statistics.median(ratios), len(ratios), None)


def _is_certain(ratios: list[float]) -> bool:
    """Whether so many rounds of one sign would hardly come about by chance."""
    count = len(ratios)
    fewer = min(sum(ratio < 1 for ratio in ratios), sum(ratio > 1 for ratio in ratios))
    chance = 2 * sum(math.comb(count, hits) for hits in range(fewer + 1)) / 2**count
    return count >= ROUNDS_AT_LEAST and chance <= CERTAIN
