"""The pictures below a folder: links are followed, nothing is taken twice, and nothing is waited for."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from zoo.decoding.decode import endings
from zoo.decoding.files import (
    FORBIDDEN,
    HIDDEN,
    LOOP,
    NOWHERE,
    SPECIAL,
    TWICE,
    LeftOut,
    Listing,
    PictureFile,
    is_unseen,
    open_regular,
)

if TYPE_CHECKING:
    from pathlib import Path

RESOLUTION = 2_500_000_000
"""Nanoseconds in which a file can change twice and show the same times: two seconds on some disks."""


def list_folder(folder: Path) -> Listing:
    """Return what lies below a folder, in the order of the names."""
    walk = _Walk(os.path.realpath(folder))
    walk.go()
    walk.listing.sort()
    return walk.listing


class _Walk:
    """One way through a folder and those below it."""

    def __init__(self, root: str) -> None:
        self.listing = Listing()
        self._root = root
        self._seen = {root}
        self._todo = [("", root)]
        self._now = time.time_ns()

    def go(self) -> None:
        while self._todo:
            prefix, real = self._todo.pop()
            try:
                with os.scandir(real) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                self._leave_out(prefix or ".", FORBIDDEN, error.strerror or "")
                continue
            for entry in found:
                if not is_unseen(entry.name):
                    self._visit(entry, prefix + entry.name)

    def _leave_out(self, name: str, kind: str, why: str = "") -> None:
        self.listing.left_out.append(LeftOut(name, kind, why))

    def _visit(self, entry: os.DirEntry[str], name: str) -> None:
        try:
            is_folder = entry.is_dir()
        except OSError:  # a link to itself
            is_folder = False
        if entry.name.startswith("."):
            if is_folder or PurePosixPath(name).suffix.lower() in endings():
                self._leave_out(name + "/" * is_folder, HIDDEN)
            return
        real = os.path.realpath(entry.path) if entry.is_symlink() else entry.path
        if is_folder and (self._root + os.sep).startswith(real.rstrip(os.sep) + os.sep):
            self._leave_out(name + "/", LOOP)
        elif real in self._seen:
            self._leave_out(name + "/" * is_folder, TWICE)
        else:
            self._seen.add(real)
            if is_folder:
                self._todo.append((name + "/", real))
            else:
                self._add_file(name, real)

    def _add_file(self, name: str, path: str) -> None:
        try:
            found = os.stat(path)  # noqa: PTH116 - a folder can hold a million
        except OSError:
            self._leave_out(name, NOWHERE)
            return
        if stat.S_ISREG(found.st_mode):
            self.listing.add(
                PictureFile(name, found.st_size, self._stamp(path, found), partial(open_regular, path))
            )
        else:
            self._leave_out(name, SPECIAL)

    def _stamp(self, path: str, found: os.stat_result) -> object:
        """Return the times of the last change; where another may come without a trace, the contents too."""
        times = [found.st_mtime_ns, found.st_ctime_ns]
        if max(times) < self._now - RESOLUTION:
            return times
        try:
            with open_regular(path) as file:
                return [*times, hashlib.sha256(file.read()).hexdigest()]
        except (OSError, ValueError):
            return times
