"""Many mutations one after the other in this process, and what came of them."""

from __future__ import annotations

import contextlib
import random
import signal
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoo.errors import ZooError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.fuzz.targets import Target

HANG_SECONDS = 20.0


class HangError(Exception):
    """Reading took longer than `HANG_SECONDS`."""


@dataclass
class Outcome:
    """What came of the mutations of one kind of file."""

    mutations: int = 0
    taken: int = 0
    """Files that were read as good ones."""
    refused: Counter[int] = field(default_factory=Counter)
    """Files that were refused, by exit code."""
    findings: dict[str, bytes] = field(default_factory=dict)
    """A file for each place in the code that raised something else, or an error with exit code 1, or did not end."""
    slowest: float = 0.0
    seconds: float = 0.0
    _places: set[str] = field(default_factory=set)

    def find(self, number: int, error: Exception, data: bytes) -> None:
        """Keep a file that made trouble, the first of each place in the code."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} {last.filename}:{last.lineno}"
        if place not in self._places:
            self._places.add(place)
            self.findings[
                f"{number}: {type(error).__name__}: {error!s:.200} ({last.filename}:{last.lineno})"
            ] = data


def attack(name: str, target: Target, count: int, first: int = 0) -> Outcome:
    """Read `count` mutations of a file; the one with number i is always the same."""
    outcome, began = Outcome(), time.perf_counter()
    for number in range(first, first + count):
        data = target.mutate(target.good, random.Random(f"{name} {number}"))
        start = time.perf_counter()
        try:
            with _limited():
                target.read(data)
            outcome.taken += 1
        except Exception as error:
            if isinstance(error, ZooError) and error.exit_code != 1:
                outcome.refused[error.exit_code] += 1
            else:
                outcome.find(number, error, data)
        outcome.slowest = max(outcome.slowest, time.perf_counter() - start)
        outcome.mutations += 1
    outcome.seconds = time.perf_counter() - began
    return outcome


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise HangError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
