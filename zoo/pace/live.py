"""What a training is doing now: for its own screen, and in a small file for whoever asks from another process."""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from zoo.pace.speed import Speed
from zoo.system.regular_files import read_regular
from zoo.system.scratch import scratch_file
from zoo.system.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from zoo.pace.cadence import Cadence

NAME = ".progress"
PROGRESS_LIMIT = 1 << 16
EVERY = 2.0
"""Seconds between two versions of the file."""
TRAINING = "training"


@dataclass(frozen=True)
class Progressing:
    """What the file says.

    Attributes:
        pid: the process that trains.
        doing: `training`, `measuring swd`, `saving a checkpoint`, ...
        step: generator steps made.
        until: at which step it will end.
        images_per_second: real images that the critic sees, over about the last minute; None before the first step.
        seconds_left: of training; None before the first step.
        checkpoint_in: seconds until the next checkpoint; None before the first step.
    """

    pid: int
    doing: str
    step: int
    until: int
    images_per_second: float | None = None
    seconds_left: float | None = None
    checkpoint_in: float | None = None


class Live:
    """What a run's training is doing; where the file cannot be written, there is none.

    Args:
        run: the run folder.
        images_per_step: real images that the critic sees in a step.

    Attributes:
        doing: as in `Progressing`.
        since: since when, on the monotonic clock; while it trains, since the last step.
        deadline: when the time that was given is up, on the same clock; None where none was.
    """

    def __init__(self, run: Path, images_per_step: int) -> None:
        self._path = run / NAME
        self._images = images_per_step
        self._speed = Speed()
        self._cadence: Cadence | None = None
        self._written = 0.0
        self.step = self.until = 0
        self.doing, self.since = "starting", time.monotonic()
        self.deadline: float | None = None

    def start(self, step: int, until: int, cadence: Cadence) -> None:
        """Train from a step on."""
        self.step, self.until, self._cadence = step, until, cadence
        self._speed.start(step)
        self.begin(TRAINING)

    def made(self, step: int) -> None:
        """Note that a step has been made."""
        self.step, self.since = step, time.monotonic()
        self._speed.made(step)
        if time.monotonic() - self._written >= EVERY:
            self._write()

    @contextmanager
    def busy(self, doing: str) -> Iterator[None]:
        """Be doing something else in the block."""
        before = self.doing
        self.begin(doing)
        try:
            yield
        finally:
            self.begin(before)

    def note(self, doing: str) -> None:
        """Say more exactly what is being done, which began when it did."""
        self.doing = doing
        if time.monotonic() - self._written >= EVERY:
            self._write()

    @property
    def images_per_second(self) -> float | None:
        """As in `Progressing`."""
        speed = self._speed.steps_per_second
        return None if speed is None else speed * self._images

    @property
    def seconds_left(self) -> float | None:
        """As in `Progressing`: until the last step, or until the time is up."""
        speed = self._speed.steps_per_second
        if speed is None:
            return None
        left = (self.until - self.step) / speed
        return left if self.deadline is None else max(0.0, min(left, self.deadline - time.monotonic()))

    @property
    def steps_ahead(self) -> int:
        """How many more steps there will be; the one in which the time is up is finished."""
        speed, left = self._speed.steps_per_second, self.seconds_left
        most = self.until - self.step
        return most if speed is None or left is None else min(most, ceil(left * speed))

    def close(self) -> None:
        """Take the file away: the record says the rest."""
        with suppress(OSError):
            self._path.unlink()

    def _checkpoint_in(self) -> float | None:
        speed = self._speed.steps_per_second
        if speed is None or self._cadence is None:
            return None
        by_steps = self._cadence.steps_to_save(self.step) / speed
        return max(0.0, min(by_steps, self._cadence.seconds_to_save()))

    def begin(self, doing: str) -> None:
        """Be doing something from now on."""
        self.doing, self.since = doing, time.monotonic()
        self._write()

    def _write(self) -> None:
        now = Progressing(
            os.getpid(),
            self.doing,
            self.step,
            self.until,
            _rounded(self.images_per_second),
            _rounded(self.seconds_left),
            _rounded(self._checkpoint_in()),
        )
        self._written = time.monotonic()
        # Nothing depends on it: it is not synced, and a full disk must not end a training for it.
        with suppress(OSError), scratch_file(self._path) as (scratch, file):
            file.write(json.dumps(asdict(now)).encode())
            file.close()
            scratch.replace(self._path)


def read_progress(run: Path, pid: int) -> Progressing | None:
    """Return what the process that holds a run says of it; None where it says nothing, or another process did."""
    with suppress(OSError, ValueError, TypeError):
        facts: dict[str, Any] = parse_object(read_regular(run / NAME, PROGRESS_LIMIT))
        found = Progressing(**facts)
        numbers = (found.images_per_second, found.seconds_left, found.checkpoint_in)
        whole = isinstance(found.doing, str) and all(
            type(number) is int for number in (found.pid, found.step, found.until)
        )
        if whole and all(n is None or isinstance(n, (int, float)) for n in numbers) and found.pid == pid:
            return found
    return None


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 1)
