"""Files from the network: streamed beside their place, resumed after a break, renamed when complete."""

from __future__ import annotations

import time
import urllib.error
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from zoo.errors import InputError, NetworkError
from zoo.system.atomic import disk_errors
from zoo.system.console import download_progress, say
from zoo.system.terminal import one_line
from zoo.system.transfer.part import Part
from zoo.system.transfer.request import DroppedError, attempt, why

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAUSES = (0.5, 1.0, 2.0)
"""Seconds before each new try after a connection that brought nothing new."""
BYTES_LIMIT = 1 << 30
"""Of a file, unless the caller knows better."""


class Unreachable(NetworkError):  # noqa: N818
    """No answer came from the host: no name, no route, no connection, no trusted certificate."""

    def __init__(self, host: str, why: str) -> None:
        self.reason = f"{host} cannot be reached ({why})"
        super().__init__(f"{self.reason}. Check the network and try again")


def download(url: str, path: Path, *, what: str, most: int = BYTES_LIMIT) -> Path:
    """Put the file at `url` (http or https) at `path`, unless it is there already, and return `path`.

    An interrupted transfer leaves `<path>.part`; the next call goes on from it if the file is still the same.
    Processes that want the same file wait for the one that downloads it.

    Args:
        url: where it is.
        path: where it is put.
        what: what it is, for people who wait.
        most: bytes that it may have.

    Raises:
        Unreachable: the host cannot be reached at all.
        NetworkError: the host refuses, the connection drops again and again, or more bytes come than may.
        ResourceError: the disk is full or the folder cannot be written.
        InputError: `url` is neither http nor https.
    """
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"{url}: it is no http address. Give one that begins with https://")
    if path.exists():
        return path
    with _only_one(path, what):
        if not path.exists():
            part = Part(path, most)
            _transfer(url, part, what)
            part.finish()
    return path


@contextmanager
def _only_one(path: Path, what: str) -> Iterator[None]:
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        try:
            lock.acquire(timeout=0.5)
        except Timeout:
            say(f"{what}: another process is downloading, waiting for it")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _transfer(url: str, part: Part, what: str) -> None:
    """Try until the part is whole; give up after a few tries in a row that brought nothing new."""
    host = urllib.parse.urlsplit(url).netloc
    pauses, most, answered = iter(PAUSES), part.size(), False
    with download_progress() as bar:
        task = bar.add_task(one_line(what), total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        while True:
            try:
                return attempt(url, part, show)
            except urllib.error.URLError as error:
                if not answered:
                    raise Unreachable(host, why(error.reason)) from error
                failure = why(error.reason)
            except DroppedError as error:
                answered, failure = True, str(error)
            if part.size() > most:
                pauses, most = iter(PAUSES), part.size()
            pause = next(pauses, None)
            if pause is None:
                raise NetworkError(
                    f"{url}: the transfer broke off again and again ({failure}). Try again to go on"
                )
            time.sleep(pause)
