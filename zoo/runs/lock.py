"""One process a run folder. Free of torch, so that the second process learns of the first at once."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
import textwrap
import time
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from zoo.errors import MOST_NEAR, BusyError, ZooError, joined, near_misses, quoted
from zoo.pace.live import read_progress
from zoo.system.atomic import disk_errors, write_atomic
from zoo.system.regular_files import read_regular
from zoo.system.scratch import is_scratch_name, remove_ours
from zoo.system.strict_json import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.pace.live import Progressing

RUNS = Path("runs")
RECORD = "run.json"
SWEEP = "sweep.json"
"""In the folder of a sweep, which holds a run folder for each of its trainings."""
LOCK = ".lock"
HOLDER = ".holder"
STARTING = ".starting-"
YOUNG = 60.0
PATIENCE = 0.5
"""Seconds: whoever only looks whether a run is held holds it for a moment, and a new holder takes one to sign."""


def near_runs(path: Path) -> str:
    """Return the question that ends a message about a run that is not there: which of the runs here was meant.

    Of a sweep that is there its own runs are looked through, else those under `RUNS` and in the sweeps there.
    """
    places = [path.parent] if is_sweep(path.parent) else [RUNS, *filter(is_sweep, sorted(RUNS.glob("*")))]
    runs = [run for place in places for run in sorted(place.glob("*")) if (run / RECORD).is_file()]
    names = near_misses(path.name, {run.name for run in runs})
    near = [repr(str(run)) for name in names for run in runs if run.name == name]
    return f"Did you mean {joined(near, 'or')}?" if 0 < len(near) <= MOST_NEAR else ""


def is_sweep(path: Path) -> bool:
    """Whether `path` is the folder of a sweep, which holds run folders."""
    return (path / SWEEP).is_file()


def name_one_of(sweep: Path) -> str:
    """Return the advice that ends a message about a sweep where one of its runs is needed."""
    runs = [path for path in sorted(sweep.glob("*")) if (path / RECORD).is_file()]
    example = f", such as {quoted(runs[0])}" if runs else ""
    return f"Name one of its runs{example}; see `zoo runs {quoted(sweep)}`"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold a run folder against other processes; the system lets go of it when this process dies.

    Raises:
        BusyError: another one holds it.
        ResourceError: the folder cannot be written.
    """
    lock = FileLock(path / LOCK)
    with disk_errors(path / LOCK):
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            raise BusyError(f"{path}: {_occupation(path)}. Wait for it, or stop it") from None
    try:
        write_atomic(path / HOLDER, json.dumps(_signature()).encode())
        yield
    finally:
        with suppress(OSError):
            (path / HOLDER).unlink()
        lock.release()


def is_held(path: Path) -> bool:
    """Whether a process holds a run folder now."""
    if not (path / LOCK).exists():
        return False
    lock = FileLock(path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False  # a folder that we may not write in: who trains in it cannot be known
    lock.release()
    return False


def command_line() -> list[str]:
    """Return how this process was started, as people would type it."""
    program = Path(sys.argv[0])
    words = [program.parent.name if program.stem == "__main__" else program.name, *sys.argv[1:]]
    # A name of a file may be no text: bytes that are none are spelt out.
    return [word.encode("utf-8", "backslashreplace").decode() for word in words]


def _signature() -> dict[str, str | int]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": textwrap.shorten(" ".join(command_line()), 100, placeholder=" ..."),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _occupation(path: Path) -> str:
    """Return who holds the folder and what for, in words."""
    now = progress_of(path)
    at = "" if now is None else f", at step {now.step} of {now.until}"
    return f"{holder(path)} is training in it{at}"


def holder(path: Path) -> str:
    """Return who holds a folder that is held, in words; what a killed holder left behind names nobody."""
    for _ in range(5):
        with suppress(OSError, ValueError, KeyError, TypeError, OverflowError):
            signed = parse_json(read_regular(path / HOLDER, 1 << 16))
            here = signed["host"] == socket.gethostname()
            if not here or _lives(int(signed["pid"])):
                where = "" if here else f" on {signed['host']}"
                return f"process {signed['pid']}{where} ({signed['command']}, since {signed['since']})"
        time.sleep(PATIENCE / 5)
    return "another process"


def progress_of(path: Path) -> Progressing | None:
    """Return how far the training is that holds a folder; None where nobody trains in it, or nobody says."""
    with suppress(OSError, ValueError, KeyError, TypeError, OverflowError):
        pid = int(parse_json(read_regular(path / HOLDER, 1 << 16))["pid"])
        return read_progress(path, pid) if is_held(path) else None
    return None


@contextmanager
def starting(parent: Path) -> Iterator[None]:
    """Be seen under `parent` as a run that is about to be there: its own folder is made once its data has been read."""
    fresh = not parent.exists()
    with ExitStack() as stack:
        marker = None
        # Nothing depends on it; a disk that refuses it is told of when there is something to write.
        with suppress(OSError, ZooError):
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
            marker = Path(tempfile.mkdtemp(prefix=STARTING, dir=parent))
            stack.enter_context(held(marker))
        try:
            yield
        finally:
            if marker is not None:
                _remove_marker(marker)
            if fresh:
                with suppress(OSError):
                    parent.rmdir()  # where it is empty


def nameless_starts(parent: Path) -> list[Path]:
    """Return what stands under `parent` for runs that are starting and have no folder of their own yet."""
    return [marker for marker in parent.glob(f"{STARTING}*") if is_held(marker)]


def starts(parent: Path) -> list[Path]:
    """Return the folders under `parent` in which a run is starting now: they are held, and hold no `run.json`."""
    places = [path for path in parent.glob("*") if path.is_dir() and not (path / RECORD).exists()]
    sweeps = [path for path in places if is_sweep(path)]
    inside = [start for sweep in sweeps for start in starts(sweep)]
    return [path for path in places if path not in sweeps and is_held(path)] + inside


def _sweep(parent: Path) -> None:
    for marker in parent.glob(f"{STARTING}*"):
        # A young one may be about to be held.
        if time.time() - marker.lstat().st_mtime > YOUNG and not is_held(marker):
            _remove_marker(marker)


def _remove_marker(marker: Path) -> None:
    """Remove the folder, where it holds nothing but what `held` puts there."""
    if not marker.is_symlink():
        with suppress(OSError):
            remove_ours(marker, _is_ours)


def _is_ours(name: str) -> bool:
    return name in (LOCK, HOLDER) or is_scratch_name(name)


def _lives(pid: int) -> bool:
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
