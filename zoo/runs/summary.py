"""What there is to say about the runs of a folder, from their records alone. Free of torch."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zoo.generators.measures import Measure
from zoo.runs.folder import run_folders
from zoo.runs.lock import is_held, progress_of, starts
from zoo.runs.record import read_records

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.runs.record import RunRecord


@dataclass(frozen=True)
class RunSummary:
    """A run at a glance.

    Attributes:
        path: its folder.
        recipe: its recipe's name.
        state: `starting` until its first step, `running` while a process holds it, else `done`, `stopped` (a killed
            one too) or `failed`.
        doing: what a running training says that it does now (`training`, `measuring swd`); else None.
        step: generator steps; while it runs, those it has made, else at its last checkpoint or its end.
        steps: how many it was asked for; 0 where that is not recorded.
        metric: the recipe's metric, if it has one.
        best: the best figure so far.
        best_step: where that was.
        protocol: how it was measured, in a line.
        fingerprint: of the images that it was measured on.
        higher_is_better: whether it rises with quality; None where an old record does not say.
        bytes: of all its files.
        started: when, in ISO 8601.
        images_per_second: how fast a running training is, over about the last minute; else None.
        seconds_left: how long a running training will go on; else None.
    """

    path: Path
    recipe: str
    state: str
    doing: str | None
    step: int
    steps: int
    metric: str | None
    best: float | None
    best_step: int | None
    protocol: str | None
    fingerprint: str | None
    higher_is_better: bool | None
    bytes: int
    started: str
    images_per_second: float | None
    seconds_left: float | None

    @property
    def under_way(self) -> bool:
        """Whether a process is at work on it."""
        return self.state in ("starting", "running")

    @property
    def measure(self) -> Measure | None:
        """How its best figure was measured; None where it has none."""
        if self.metric is None or self.best is None:
            return None
        said = Measure(
            self.metric, self.protocol or "", self.recipe, self.fingerprint or "", self.higher_is_better
        )
        return said.of(str(self.path))


def find_runs(parent: Path) -> list[RunSummary]:
    """Return the runs in `parent` and its sweeps, oldest first; one whose record is damaged is named in a warning."""
    found = [start for path in starts(parent) if (start := _starting(path)) is not None]
    found += [_summary(path, record) for path, record in read_records(run_folders(parent)).items()]
    return sorted(found, key=lambda run: (run.started, str(run.path)))


def _summary(path: Path, record: RunRecord) -> RunSummary:
    best, now = record.best, progress_of(path)
    state, step = state_of(path, record.state), record.step if now is None else now.step
    # One that was rolled back to its beginning had begun.
    if state == "running" and step == 0 and not record.rollbacks:
        state = "starting"
    return RunSummary(
        path=path,
        recipe=record.recipe,
        state=state,
        doing=None if now is None or state == "starting" else now.doing,
        step=step,
        steps=record.steps,
        metric=record.metric,
        best=None if best is None else best.value,
        best_step=None if best is None else best.step,
        protocol=record.protocol,
        fingerprint=record.data.fingerprint,
        higher_is_better=record.higher_is_better,
        bytes=_size(path),
        started=record.started,
        images_per_second=None if now is None else now.images_per_second,
        seconds_left=None if now is None else now.seconds_left,
    )


def _starting(path: Path) -> RunSummary | None:
    """Return what there is to say of a start; None where it has failed and is gone since it was found."""
    try:
        began = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="microseconds")
    except OSError:
        return None
    return RunSummary(
        path=path,
        recipe="",
        state="starting",
        doing=None,
        step=0,
        steps=0,
        metric=None,
        best=None,
        best_step=None,
        protocol=None,
        fingerprint=None,
        higher_is_better=None,
        bytes=_size(path),
        started=began,
        images_per_second=None,
        seconds_left=None,
    )


def state_of(path: Path, recorded: str) -> str:
    """Return the state of a run whose record says `recorded`: `running`, `done`, `stopped` or `failed`."""
    if is_held(path):
        return "running"
    # A process that was killed could not say so.
    return "stopped" if recorded == "running" else recorded


def _size(path: Path) -> int:
    total = 0
    for file in path.rglob("*"):
        # A running training removes files while they are counted.
        with suppress(OSError):
            total += file.lstat().st_size if file.is_file() and not file.is_symlink() else 0
    return total
