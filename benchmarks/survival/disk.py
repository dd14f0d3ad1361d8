"""A disk too small at ten sizes, before the first step and in the middle: exit 5, nothing lost, and on to the end.

python -m benchmarks.survival.disk      (Linux, as root: it mounts a tmpfs)
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.survival.report import report
from benchmarks.survival.tiny import logged, world
from benchmarks.survival.tmpfs import PAGE, tmpfs, why_not
from benchmarks.survival.troubled import committed, finishes, held_still, intact, reaches, refused
from zoo.runs.checkpoints.names import checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.survival.tiny import World

SIZES = 10
ROOM = 16 * 2**20
BEGUN = 3
"""Checkpoints that are there when the disk fills in the middle."""
MOST = 1.8
"""Checkpoints for which there is room at the largest size: a fifth one, the best, must fail."""


@dataclass
class Tally:
    """How often the disk was found too small, and what was wrong then."""

    before: int = 0
    during: int = 0
    failures: list[str] = field(default_factory=list)


class Disks:
    """Trains on disks that are too small."""

    def __init__(self, place: World, reference: dict[str, str]) -> None:
        self.tally = Tally()
        self._place = place
        self._reference = reference

    def small(self, size: int) -> None:
        """Start on a disk of `size` bytes."""
        with tmpfs(self._place.folder / f"small-{size}", max(size, PAGE)) as disk:
            if size < PAGE:
                disk.fill(0)
            run = disk.path / "run"
            wrong = refused(self._place.train(run), disk.path)
            found_first = not logged(run) if run.exists() else True
            wrong += intact(run, {}) if run.exists() else []
            disk.resize(ROOM)
            wrong += finishes(self._place, run, self._reference)
        self.tally.before += found_first
        self.tally.failures += [f"a disk of {size:,} bytes: {line}" for line in wrong]

    def filled(self, leave: int) -> None:
        """Fill the disk in the middle of a run until `leave` bytes are free."""
        with tmpfs(self._place.folder / f"filled-{leave}", ROOM) as disk:
            run = disk.path / "run"
            life = self._place.train(run)
            if not reaches(life, run, BEGUN):
                raise SystemExit(f"the run ended too early: {life.said()[-1:]}")
            with held_still(life):
                before = committed(run)
                disk.fill(leave)
            wrong = refused(life, disk.path) + intact(run, before)
            disk.resize(2 * ROOM)
            wrong += finishes(self._place, run, self._reference)
        self.tally.during += 1
        self.tally.failures += [f"{leave:,} bytes left in the middle: {line}" for line in wrong]


def sizes(most: float) -> list[int]:
    """Return ten sizes from 0 to `most` bytes."""
    return [int(most * number / (SIZES - 1)) for number in range(SIZES)]


def taken(checkpoint: Path) -> int:
    """Return what a checkpoint takes on a tmpfs, in bytes: its files in whole pages."""
    return sum(-(-path.stat().st_size // PAGE) * PAGE for path in checkpoint.iterdir())


def each(sizes: list[int], attempt: Callable[[int], None]) -> None:
    """Try every size."""
    for size in sizes:
        attempt(size)


def main() -> None:
    """Print the proof."""
    with world() as place:
        reason = why_not(place.folder)
        if reason is not None:
            print(f"not run: a tmpfs cannot be mounted here ({reason})")
            sys.exit(0)
        disks = Disks(place, place.reference())
        checkpoint = taken(checkpoints(place.folder / "reference")[-1])
        small, filled = sizes(MOST * checkpoint), sizes(MOST * checkpoint)
        each(small, disks.small)
        each(filled, disks.filled)
    tally = disks.tally
    if tally.before < len(small):
        tally.failures.append(f"only {tally.before} of {len(small)} were found before the first step")
    figures = {
        "bytes of a checkpoint": f"{checkpoint:,}",
        "sizes": f"0 to {small[-1]:,} bytes",
        "found before the first step": f"{tally.before} of {len(small)}",
        "met in the middle of a run": f"{tally.during} of {len(filled)}",
        "exit 5 with path and bytes, checkpoints intact, after enlarging bit-exact": "all"
        if not tally.failures
        else "not all",
    }
    report("a disk too small", figures, tally.failures)


if __name__ == "__main__":
    main()
