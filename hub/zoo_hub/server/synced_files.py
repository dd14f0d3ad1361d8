"""Files that are synced to disk once they are written: they survive a power cut, and no reader sees half of one."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from zoo.system.atomic import disk_errors, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRATCH_PREFIX = ".tmp-"
"""How the name of a file begins while it is written."""
_SCRATCH = re.compile(r"\.tmp-[a-z0-9_]{8}")
"""As `mkstemp` names them."""


@contextmanager
def synced_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that appears at `path`, synced, when the block ends without an error; else it is removed."""
    with disk_errors(path):
        make_folder(path.parent)
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=SCRATCH_PREFIX)
        try:
            with os.fdopen(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(scratch).replace(path)
            sync_folder(path.parent)
        finally:
            Path(scratch).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the files that a killed process was writing in `folder`. Only for the process that has locked the Hub."""
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return
    for path in (folder / name for name in names if _SCRATCH.fullmatch(name)):
        if path.is_file() and not path.is_symlink():
            path.unlink()


def write_synced(path: Path, data: bytes) -> None:
    """Write a file so that no reader sees half of it and it survives a power cut."""
    with synced_file(path) as file:
        file.write(data)


def make_folder(path: Path) -> None:
    """Create a folder and its parents, each synced, where they do not exist."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)
