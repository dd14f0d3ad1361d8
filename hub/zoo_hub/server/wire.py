"""HTTP as it goes over the socket: bodies in, answers with ranges out."""

from __future__ import annotations

import json
import re
import socket
import threading
import uuid
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from zoo.errors import ResourceError
from zoo.system.console import warn
from zoo_hub.server.messages import Answer, RefusedError, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE = 1 << 16
MOST_CONNECTIONS = 100
SILENCE = 60.0
"""Seconds without a byte after which a connection is closed."""
DRAINED = 64 << 20
"""Bytes of a refused request that are read and dropped, so that its sender reads the answer."""
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?")


class HungUpError(Exception):
    """The client went away, or kept silent, within its request."""


class Server(ThreadingHTTPServer):
    """One address."""

    daemon_threads = True
    # A second server on the same port would take half of the first one's requests.
    allow_reuse_port = False
    request_queue_size = 64

    def __init__(
        self, route: Callable[[Request], Answer], host: str, port: int, handler: type[Handler]
    ) -> None:
        """Listen.

        Raises:
            OSError: the port is taken, or the host is none of this machine's.
        """
        self.route = route
        self.room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without asking a name server who we are."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    @property
    def url(self) -> str:
        """The address without a slash at its end."""
        host = self.server_name
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, or drop it where there are too many."""
        if not self.room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a connection that broke go."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "zoo-hub/1"
    sys_version = ""
    timeout = SILENCE
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet about single requests."""

    def setup(self) -> None:
        """Send small answers at once."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_any(self) -> None:
        """Answer one request."""
        authorization = self.headers.get("Authorization")
        token = authorization.removeprefix("Bearer ").strip() if authorization else None
        pieces = self._body()
        request = Request(self.command, self.path, token, self._base(), pieces)
        try:
            self.respond(request)
            self._drain(pieces)
        except (HungUpError, OSError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def respond(self, request: Request) -> None:
        """Answer a request."""
        self.send(self.answer(request))

    def answer(self, request: Request) -> Answer:
        """Return what the route says, or why it says nothing."""
        try:
            return self.server.route(request)
        except RefusedError as error:
            return error.answer()
        except ResourceError as error:
            warn(str(error))
            return RefusedError(507, "the disk of this Hub is full or cannot be written").answer()
        except HungUpError:
            raise
        except Exception as error:
            warn(f"{request.method} {request.path!r:.200}: {type(error).__name__}: {error}")
            return RefusedError(500, "this Hub failed over the request").answer()

    def _base(self) -> str:
        host = self.headers.get("Host", "")
        return f"http://{host}" if _HOST.fullmatch(host) else self.server.url

    def _body(self) -> Iterator[bytes]:
        """Yield the body in pieces."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while size := self._number(self.rfile.readline(100).split(b";")[0], 16):
                yield from self._exactly(size)
                self.rfile.readline(100)
            while self.rfile.readline(PIECE).strip():
                pass
        else:
            yield from self._exactly(self._number((self.headers.get("Content-Length") or "0").encode(), 10))

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            try:
                piece = self.rfile.read1(min(size, PIECE))
            except OSError as error:
                raise HungUpError from error
            if not piece:
                raise HungUpError
            size -= len(piece)
            yield piece

    def _number(self, digits: bytes, base: int) -> int:
        """Return a length that a client sent; where it is none, nobody knows where its next request begins."""
        try:
            value = int(digits, base)
        except ValueError:
            value = -1
        if value < 0:
            self.close_connection = True
            raise RefusedError(400, "a length that is no number")
        return value

    def _drain(self, pieces: Iterator[bytes]) -> None:
        """Read what no route wanted, as far as that is worth it."""
        left = DRAINED
        with suppress(RefusedError):
            for piece in pieces:
                left -= len(piece)
                if left < 0:
                    self.close_connection = True
                    return

    def send(self, answer: Answer) -> None:
        """Send an answer; of a file the range that was asked for."""
        if isinstance(answer.payload, Path):
            with answer.payload.open("rb") as file:
                self._send_file(answer, file, answer.payload.stat().st_size)
            return
        headers = dict(answer.headers)
        if isinstance(answer.payload, bytes):
            body = answer.payload
        else:
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
            body = json.dumps(answer.payload).encode()
        self.send_head(answer.status, headers, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_file(self, answer: Answer, file: BinaryIO, size: int) -> None:
        headers = {"Content-Type": "application/octet-stream", **answer.headers}
        span = byte_range(self.headers.get("Range"), size)
        if span is None:
            self.send_head(416, {**headers, "Content-Range": f"bytes */{size}"}, 0)
            return
        first, end = span
        status = answer.status
        if self.headers.get("Range"):
            status = 206
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
        self.send_head(status, headers, end - first)
        file.seek(first)
        left = end - first if self.command != "HEAD" else 0
        while left and (piece := file.read(min(left, PIECE))):
            self.wfile.write(piece)
            left -= len(piece)

    def send_head(self, status: int, headers: dict[str, str], length: int) -> None:
        """Send the status line and the headers."""
        self.send_response(status)
        own = {"X-Request-Id": uuid.uuid4().hex, "X-Content-Type-Options": "nosniff"}
        for name, value in {**own, **headers, "Content-Length": str(length)}.items():
            # A header is one line of Latin letters, whatever it quotes.
            self.send_header(name, " ".join(value.split()).encode("ascii", "replace").decode())
        self.end_headers()


def byte_range(wanted: str | None, size: int) -> tuple[int, int] | None:
    """Return where `bytes=FIRST-LAST` begins and where it ends (exclusive); None when nothing is there."""
    if not wanted:
        return 0, size
    span = re.fullmatch(r"bytes=(\d{1,15})-(\d{0,15})", wanted)
    first = int(span[1]) if span else size
    if span is None or first >= size:
        return None
    end = min(int(span[2]) + 1, size) if span[2] else size
    return (first, end) if end > first else None
