"""How long several functions take, measured in turns, so that what else the machine does slows all of them alike."""

from __future__ import annotations

import statistics
import time
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
