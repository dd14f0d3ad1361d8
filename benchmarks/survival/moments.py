"""Random moments in the life of a training process: anywhere, inside a save, or at the very end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.survival.tiny import saving
from zoo.runs.checkpoints.names import checkpoint_path

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from benchmarks.survival.tiny import Life

Kind = Literal["anywhere", "save", "end"]
LIFE = 8.0
"""Seconds that `anywhere` spreads over: about half of them is start-up, the rest steps."""
SAVE = 0.012
END = 0.6
MOST_SAVES = 8
PATIENCE = 0.0003


@dataclass(frozen=True)
class Moment:
    """When to strike.

    Attributes:
        kind: what is waited for first: the start of the process, of its `save`-th save, or the last checkpoint.
        seconds: how long after that.
        save: which save.
    """

    kind: Kind
    seconds: float
    save: int = 1


def draw(random: Random) -> Moment:
    """Draw a moment: 40 % anywhere, 50 % around a save, 10 % between the last checkpoint and the exit."""
    kind: Kind = random.choices(("anywhere", "save", "end"), (4, 5, 1))[0]
    reach = {"anywhere": LIFE, "save": SAVE, "end": END}[kind]
    return Moment(kind, random.uniform(0, reach), random.randint(1, MOST_SAVES))


def reached(life: Life, run: Path, moment: Moment, steps: int) -> bool:
    """Wait for the moment in a run of `steps` steps and return whether the process is still running then."""
    if moment.kind == "save" and not _save_begun(life, run, moment.save):
        return False
    if moment.kind == "end" and not _committed(life, checkpoint_path(run, steps)):
        return False
    if moment.kind == "save":
        # Polling the process would be too coarse for a save.
        time.sleep(moment.seconds)
        return life.running
    return life.outlives(moment.seconds)


def _save_begun(life: Life, run: Path, number: int) -> bool:
    seen: set[str] = set()
    while life.running:
        seen |= saving(run, life.pid)
        if len(seen) >= number:
            return True
        time.sleep(PATIENCE)
    return False


def _committed(life: Life, checkpoint: Path) -> bool:
    while life.running:
        if checkpoint.exists():
            return True
        time.sleep(PATIENCE)
    return False
