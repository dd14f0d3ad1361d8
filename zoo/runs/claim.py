"""Holding the folder of a run or sweep that is to be, which is taken away again where nothing comes of it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from zoo.errors import InputError, ResourceError, quoted
from zoo.pace.live import NAME as PROGRESS
from zoo.runs.folder import RECIPE, is_run
from zoo.runs.lock import HOLDER, LOCK, RUNS, held, is_sweep
from zoo.system.atomic import disk_errors
from zoo.system.paths import refuse_missing_parent
from zoo.system.scratch import is_scratch_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEBRIS = {LOCK, HOLDER, RECIPE, PROGRESS}
"""What a start that was killed before `run.json` leaves: nothing that anybody misses."""


def refuse_place(path: Path) -> None:
    """Refuse a run folder whose parent is not there; `runs/` is the zoo's own, and is made."""
    if path.absolute().parent != RUNS.absolute():
        refuse_missing_parent(path, "--out")


@contextmanager
def claimed(path: Path, *, fresh: bool) -> Iterator[None]:
    """Hold the folder of a run or sweep that is to be; where the block fails before it is one, it is taken away.

    Args:
        path: the folder; it is made where it is missing.
        fresh: whether it is ours to take away, or only what we put into it.
    """
    if path.exists() and not (path / LOCK).exists():
        _refuse_contents(path)
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    was_held = False
    try:
        with held(path):
            was_held = True
            _refuse_contents(path)
            try:
                yield
            except BaseException:
                if not _is_begun(path):
                    _take_away(path, fresh)
                raise
    except ResourceError:
        # Holding itself failed, on a disk that takes a name but no bytes. Once it was held, what lies there now may be
        # of whoever came next.
        if fresh and not was_held and not _is_begun(path):
            _take_away(path, fresh)
        raise


def _is_begun(path: Path) -> bool:
    return is_run(path) or is_sweep(path)


def _refuse_contents(path: Path) -> None:
    there = list(path.iterdir()) if path.is_dir() else [path]
    # Asked after listing: a rival that begins in between is met at the lock.
    ours = (path / LOCK).exists() and not _is_begun(path)
    if any(not (ours and _is_debris(entry)) for entry in there):
        if not path.is_dir():
            raise InputError(f"{path}: it is a file. Give --out a new folder")
        advice = f", or go on with `zoo resume {quoted(path)}`" if _is_begun(path) else ""
        raise InputError(f"{path}: it is already there. Give --out a new folder{advice}")


def _is_debris(path: Path) -> bool:
    return path.name in DEBRIS or (path.name.startswith(".") and is_scratch_name(path.name))


def _take_away(path: Path, fresh: bool) -> None:
    """Remove what a start wrote, and the folder if it was made for it; what others put there stays."""
    with suppress(OSError):
        for there in list(path.iterdir()):
            if _is_debris(there):
                with suppress(OSError):
                    there.unlink()
        if fresh:
            path.rmdir()
