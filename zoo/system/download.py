"""Files from the network: streamed beside their place, resumed after a break, renamed when complete."""

from __future__ import annotations

import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from zoo.__about__ import DISTRIBUTION
from zoo.errors import InputError, NetworkError
from zoo.system.atomic import disk_errors, sync_folder
from zoo.system.console import download_progress, say
from zoo.system.regular_files import open_to_append, read_regular
from zoo.system.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
PAUSES = (0.5, 1.0, 2.0)
"""Seconds before each new try after a connection that brought nothing new."""
PIECE = 1 << 16
BYTES_LIMIT = 1 << 30
"""Of a file, unless the caller knows better."""
VERSION_LIMIT = 1 << 16


class Unreachable(NetworkError):  # noqa: N818
    """No answer came from the host: no name, no route, no connection, no trusted certificate."""

    def __init__(self, host: str, why: str) -> None:
        self.reason = f"{host} cannot be reached ({why})"
        super().__init__(f"{self.reason}. Check the network and try again")


class _DroppedError(Exception):
    """The transfer ended before all bytes came."""


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
            part = _Part(path, most)
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


@dataclass(frozen=True)
class _Part:
    """What has come so far, and the server's name for the version it belongs to."""

    path: Path
    most: int
    """Bytes that may come."""

    @property
    def file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def version_file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.part.version")

    def size(self) -> int:
        """Return how many bytes can be kept: none where it is unknown which version they belong to."""
        return self.file.stat().st_size if self.file.exists() and self.version_file.exists() else 0

    def version(self) -> str:
        return read_regular(self.version_file, VERSION_LIMIT, links=False).decode("latin-1")

    def begin(self, version: str | None) -> None:
        """Forget what came before, and note whose bytes come now."""
        with disk_errors(self.path):
            self.version_file.unlink(missing_ok=True)
            open_to_append(self.file, empty=True).close()
            if version is not None:
                with open_to_append(self.version_file, empty=True) as file:
                    file.write(version.encode("latin-1"))

    def refuse(self, url: str, size: int) -> None:
        """Raise NetworkError where the whole has more bytes than may come, and keep none of them."""
        if size > self.most:
            self.file.unlink(missing_ok=True)
            self.version_file.unlink(missing_ok=True)
            raise NetworkError(
                f"{url}: it has {size:,} bytes or more, at most {self.most:,} are fetched. Check the address"
            )

    def append(self, url: str, pieces: Iterator[bytes], advance: Callable[[int], None]) -> None:
        with disk_errors(self.path):
            file = open_to_append(self.file)
        with file:
            for piece in pieces:
                self.refuse(url, file.tell() + len(piece))
                with disk_errors(self.path):
                    file.write(piece)
                    file.flush()
                advance(len(piece))
            with disk_errors(self.path):
                os.fsync(file.fileno())

    def finish(self) -> None:
        with disk_errors(self.path):
            self.file.replace(self.path)
            self.version_file.unlink(missing_ok=True)
            sync_folder(self.path.parent)


def _transfer(url: str, part: _Part, what: str) -> None:
    """Try until the part is whole; give up after a few tries in a row that brought nothing new."""
    host = urllib.parse.urlsplit(url).netloc
    pauses, most, answered = iter(PAUSES), part.size(), False
    with download_progress() as bar:
        task = bar.add_task(one_line(what), total=None)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        while True:
            try:
                return _attempt(url, part, show)
            except urllib.error.URLError as error:
                if not answered:
                    raise Unreachable(host, _why(error.reason)) from error
                failure = _why(error.reason)
            except _DroppedError as error:
                answered, failure = True, str(error)
            if part.size() > most:
                pauses, most = iter(PAUSES), part.size()
            pause = next(pauses, None)
            if pause is None:
                raise NetworkError(
                    f"{url}: the transfer broke off again and again ({failure}). Try again to go on"
                )
            time.sleep(pause)


def _attempt(url: str, part: _Part, show: Callable[[int, int | None], None]) -> None:
    """Ask once for what is missing and append it.

    Raises:
        _DroppedError: fewer bytes came than were announced.
        NetworkError: the host answered with an error.
        URLError: no answer came.
    """
    request = urllib.request.Request(url, headers={"User-Agent": DISTRIBUTION})
    have = part.size()
    if have:
        # If-Range: where the file has changed, the server sends all of the new one in place of the rest.
        request.add_header("Range", f"bytes={have}-")
        request.add_header("If-Range", part.version())
    with _open(request, part) as response:
        have = _place(response, part, have)
        # None where the server names no length, or one that is no number.
        total = None if response.length is None else have + response.length
        done = have
        part.refuse(url, total or 0)
        show(done, total)

        def advance(size: int) -> None:
            nonlocal done
            done += size
            show(done, total)

        part.append(url, _pieces(response), advance)
    if total is not None and done != total:
        raise _DroppedError(f"{done} of {total} bytes came")


def _open(request: urllib.request.Request, part: _Part) -> http.client.HTTPResponse:
    opener = urllib.request.build_opener(_HTTPHandler, _HTTPSHandler)
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=CONNECT_SECONDS)
        return response
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and part.size():
            part.begin(None)
            raise _DroppedError("the host has fewer bytes than were here") from error
        raise NetworkError(
            f"{request.full_url}: the host answered {error.code} {error.reason}. Try later"
        ) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _DroppedError(_why(error)) from error


def _place(response: http.client.HTTPResponse, part: _Part, have: int) -> int:
    """Return where the bytes of this answer belong: after the ones that are here, or at the start."""
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        if response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            return have
        part.begin(None)
        raise _DroppedError("the host sent another range than was asked for")
    etag = response.headers.get("ETag")
    part.begin(etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified"))
    return 0


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            piece = response.read1(PIECE)
        except (OSError, http.client.HTTPException) as error:
            raise _DroppedError(_why(error)) from error
        if not piece:
            return
        yield piece


def _why(reason: object) -> str:
    if isinstance(reason, TimeoutError):
        return "timed out"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__


class _HTTPConnection(http.client.HTTPConnection):
    """Gives up soon on a host that is not there, and later on one that is slow."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class _HTTPSConnection(http.client.HTTPSConnection):
    """The same with TLS."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(READ_SECONDS)


class _HTTPHandler(urllib.request.HTTPHandler):
    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(_HTTPConnection, request)


class _HTTPSHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(_HTTPSConnection, request)
