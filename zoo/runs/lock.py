"""One process a run folder. Free of torch, so that the second process learns of the first at once."""

from __future__ import annotations

import json
import os
import socket
import sys
import textwrap
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from zoo.errors import BusyError
from zoo.system.atomic import disk_errors, write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = ".lock"
HOLDER = ".holder"
PATIENCE = 0.5
"""Seconds: whoever only looks whether a run is held holds it for a moment, and a new holder takes one to sign."""


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
            raise BusyError(f"{path}: {_holder(path)} is training in it. Wait for it, or stop it") from None
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
    return [program.parent.name if program.stem == "__main__" else program.name, *sys.argv[1:]]


def _signature() -> dict[str, str | int]:
    return {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": textwrap.shorten(" ".join(command_line()), 100, placeholder=" ..."),
        "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _holder(path: Path) -> str:
    """Return who holds the folder, in words; what a killed holder left behind names nobody."""
    for _ in range(5):
        with suppress(OSError, ValueError, KeyError, TypeError):
            signed = json.loads((path / HOLDER).read_bytes())
            here = signed["host"] == socket.gethostname()
            if not here or _lives(int(signed["pid"])):
                where = "" if here else f" on {signed['host']}"
                return f"process {signed['pid']}{where} ({signed['command']}, since {signed['since']})"
        time.sleep(PATIENCE / 5)
    return "another process"


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
