"""What must hold after the disk refused a training something, whatever the reason."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmarks.survival.tiny import differences, files_of, fingerprint, scratch
from zoo.errors import IntegrityError
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import checkpoints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from benchmarks.survival.tiny import Life, World

REFUSED = 5
ENDING = 60.0
BYTES = re.compile(r"\d[\d,]* bytes")
Files = dict[str, str]


def reaches(life: Life, run: Path, number: int) -> bool:
    """Wait until a run has so many checkpoints, and return whether its process is still running then."""
    while life.running:
        if len(checkpoints(run)) >= number:
            return True
        time.sleep(0.002)
    return False


@contextmanager
def held_still(life: Life) -> Iterator[None]:
    """Stop a process for the time of the block."""
    os.kill(life.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(life.pid, signal.SIGCONT)


def committed(run: Path) -> dict[str, Files]:
    """Return the sha256 of each file of each committed checkpoint."""
    return {path.name: files_of(path) for path in checkpoints(run)}


def refused(life: Life, place: Path, *, sized: bool = True) -> list[str]:
    """Wait for the end, and return what is wrong with the exit code or the line that explains it.

    Args:
        life: the process.
        place: what the line must name.
        sized: whether it must tell bytes.
    """
    code, said = life.end(ENDING), life.said()
    if code != REFUSED:
        return [f"exit {code}, not {REFUSED}: {said[-1:]}"]
    wrong = []
    if sum(line.startswith("zoo: error: ") for line in said) != 1 or not said[-1].startswith("zoo: error: "):
        wrong.append(f"not one line about it, and that the last: {said[-3:]}")
    if str(place) not in said[-1]:
        wrong.append(f"the path is not named: {said[-1]}")
    if sized and not BYTES.search(said[-1]):
        wrong.append(f"no bytes are named: {said[-1]}")
    return wrong


def intact(run: Path, before: Mapping[str, Files]) -> list[str]:
    """Return which committed checkpoints are no longer what they were, or no checkpoint."""
    now = committed(run)
    wrong = [f"{name} has changed" for name in before.keys() & now.keys() if before[name] != now[name]]
    if before and max(now, default="") < max(before):
        wrong.append(f"the newest checkpoint {max(before)} is gone")
    for path in checkpoints(run):
        try:
            load_checkpoint(path)
        except IntegrityError as error:
            wrong.append(str(error))
    return wrong + [f"left behind: {path}" for path in scratch(run)]


def finishes(place: World, run: Path, reference: Mapping[str, str]) -> list[str]:
    """Go on to the end and return what is wrong with it."""
    life = place.go_on(run)
    code = life.end()
    if code != 0:
        return [f"afterwards it could not go on: exit {code}: {life.said()[-1:]}"]
    differing = differences(fingerprint(run), reference)
    return ([f"it is not the undisturbed run: {differing}"] if differing else []) + [
        f"left behind: {path}" for path in scratch(run)
    ]
