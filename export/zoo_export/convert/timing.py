"""How long things take, taken in turns: what else the machine does then falls on all of them alike."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Name = TypeVar("Name")


def alternately(
    runs: Mapping[Name, Callable[[], object]], *, rounds: int, budget: float
) -> dict[Name, float]:
    """Return the median seconds of each run over `rounds` rounds, or fewer where they take over `budget` seconds.

    Each run is made twice in a row and its second time counts: the first finds threads of another still spinning.
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
