"""What else a system may refuse in the middle of a run: larger files, the folder, writing at all.

python -m benchmarks.survival.limits      (the read-only part: Linux, as root)
"""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.survival.report import report
from benchmarks.survival.tiny import world
from benchmarks.survival.tmpfs import read_only, why_not
from benchmarks.survival.troubled import committed, finishes, held_still, intact, reaches, refused
from zoo.runs.checkpoints.names import TENSORS, checkpoints

if sys.platform != "win32":
    import resource

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.survival.tiny import Life, World

BEGUN = 3
"""Checkpoints that are there when it happens."""


def limit_files(pid: int, size: int) -> None:
    """Let a process write no file larger than `size` bytes."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def limited_first(place: World, size: int, reference: dict[str, str]) -> list[str]:
    """Start with a limit below a checkpoint's size, then without it."""
    run = place.folder / "limited-first"
    life = place.train(run)
    limit_files(life.pid, size)
    wrong = refused(life, run) + intact(run, {})
    return wrong + finishes(place, run, reference)


def limited(place: World, size: int, reference: dict[str, str]) -> list[str]:
    """Set the limit in the middle."""
    life, run = begun(place, "limited")
    with held_still(life):
        before = committed(run)
        limit_files(life.pid, size)
    wrong = refused(life, run) + intact(run, before)
    return wrong + finishes(place, run, reference)


def removed(place: World, reference: dict[str, str]) -> list[str]:
    """Take the run folder away in the middle; it must not come back in parts."""
    life, run = begun(place, "removed")
    with held_still(life):
        shutil.rmtree(run)
    wrong = refused(life, run, sized=False)
    if run.exists():
        wrong.append(f"the folder came back with {sorted(path.name for path in run.iterdir())}")
    return wrong + finishes(place, run, reference)


def locked(place: World, reference: dict[str, str]) -> list[str]:
    """Make the folder read-only in the middle, and writable again afterwards."""
    life, run = begun(place, "read-only")
    with ExitStack() as stack:
        with held_still(life):
            before = committed(run)
            stack.enter_context(read_only(run))
        wrong = refused(life, run)
    wrong += [line for line in intact(run, before) if not line.startswith("left behind")]
    return wrong + finishes(place, run, reference)


def begun(place: World, name: str) -> tuple[Life, Path]:
    """Start a run and wait until it has a few checkpoints."""
    run = place.folder / name
    life = place.train(run)
    if not reaches(life, run, BEGUN):
        raise SystemExit(f"the run ended too early: {life.said()[-1:]}")
    return life, run


def main() -> None:
    """Print the proof."""
    with world() as place:
        reference = place.reference()
        size = (checkpoints(place.folder / "reference")[-1] / TENSORS).stat().st_size // 2
        wrong = {
            "a file-size limit from the start": limited_first(place, size, reference),
            "a file-size limit set while it trains": limited(place, size, reference),
            "the folder removed": removed(place, reference),
        }
        reason = why_not(place.folder)
        if reason is None:
            wrong["the folder made read-only"] = locked(place, reference)
    figures = {
        what: "not as it should be" if lines else "exit 5, nothing lost" for what, lines in wrong.items()
    }
    if reason is not None:
        figures["the folder made read-only"] = f"not run ({reason})"
    report("what a system refuses", figures, [f"{what}: {line}" for what in wrong for line in wrong[what]])


if __name__ == "__main__":
    main()
