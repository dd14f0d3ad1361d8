"""One request for what is missing of a file."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from zoo.__about__ import DISTRIBUTION
from zoo.errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zoo.system.transfer.part import Part

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
PIECE = 1 << 16


class DroppedError(Exception):
    """The transfer ended before all bytes came."""


def attempt(url: str, part: Part, show: Callable[[int, int | None], None]) -> None:
    """Ask once for what is missing and append it.

    Raises:
        DroppedError: fewer bytes came than were announced.
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
        raise DroppedError(f"{done} of {total} bytes came")


def _open(request: urllib.request.Request, part: Part) -> http.client.HTTPResponse:
    opener = urllib.request.build_opener(_HTTPHandler, _HTTPSHandler)
    try:
        response: http.client.HTTPResponse = opener.open(request, timeout=CONNECT_SECONDS)
        return response
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and part.size():
            part.begin(None)
            raise DroppedError("the host has fewer bytes than were here") from error
        raise NetworkError(
            f"{request.full_url}: the host answered {error.code} {error.reason}. Try later"
        ) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise DroppedError(why(error)) from error


def _place(response: http.client.HTTPResponse, part: Part, have: int) -> int:
    """Return where the bytes of this answer belong: after the ones that are here, or at the start."""
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        if response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            return have
        part.begin(None)
        raise DroppedError("the host sent another range than was asked for")
    etag = response.headers.get("ETag")
    part.begin(etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified"))
    return 0


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            piece = response.read1(PIECE)
        except (OSError, http.client.HTTPException) as error:
            raise DroppedError(why(error)) from error
        if not piece:
            return
        yield piece


def why(reason: object) -> str:
    """Return a few words for what ended or refused a connection."""
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
