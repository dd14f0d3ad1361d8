"""The HTTP server: reads requests from the socket, and writes answers, ranges of files included."""

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
MAX_CONNECTIONS = 100
IDLE_SECONDS = 60.0
"""Seconds without a byte after which a connection is closed."""
DRAIN_LIMIT = 64 << 20
"""Bytes of a refused request that are read and dropped: only then its sender reads the answer."""
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?")


class DisconnectedError(Exception):
    """The client closed the connection, or sent nothing for too long, within its request."""


class Server(ThreadingHTTPServer):
    """A server at one address, with a thread for each connection."""

    daemon_threads = True
    # A second server on the same port would take half of the first one's requests.
    allow_reuse_port = False
    request_queue_size = 64

    def __init__(
        self, route: Callable[[Request], Answer], host: str, port: int, handler: type[Handler]
    ) -> None:
        """Open the port.
        Raises:
            OSError: the port is taken, or the host is none of this machine's.
        """
        self.route = route
        self.slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def server_bind(self) -> None:
        """Bind without the base class's DNS look-up of the host name."""
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
        if not self.slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that broke."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "zoo-hub/1"
    sys_version = ""
    timeout = IDLE_SECONDS
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Do not log requests."""

    def setup(self) -> None:
        """Send small answers without delay (TCP_NODELAY)."""
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
        except (DisconnectedError, OSError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def respond(self, request: Request) -> None:
        """Answer a request."""
        self.send(self.answer(request))

    def answer(self, request: Request) -> Answer:
        """Return the route's answer, or an error's."""
        try:
            return self.server.route(request)
        except RefusedError as error:
            return error.answer()
        except ResourceError as error:
            warn(str(error))
            return RefusedError(507, "the disk of this Hub is full or cannot be written").answer()
        except DisconnectedError:
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
                raise DisconnectedError from error
            if not piece:
                raise DisconnectedError
            size -= len(piece)
            yield piece

    def _number(self, digits: bytes, base: int) -> int:
        """Return a length that a client sent.

        Without a valid one it is unknown where the next request begins, so the connection is closed.
        """
        try:
            value = int(digits, base)
        except ValueError:
            value = -1
        if value < 0:
            self.close_connection = True
            raise RefusedError(400, "a length that is no number")
        return value

    def _drain(self, pieces: Iterator[bytes]) -> None:
        """Read the rest of the body, up to `DRAIN_LIMIT` bytes."""
        left = DRAIN_LIMIT
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


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the start and end (exclusive) of `bytes=FIRST-LAST`; None where the file has no such bytes."""
    if not header:
        return 0, size
    span = re.fullmatch(r"bytes=(\d{1,15})-(\d{0,15})", header)
    first = int(span[1]) if span else size
    if span is None or first >= size:
        return None
    end = min(int(span[2]) + 1, size) if span[2] else size
    return (first, end) if end > first else None
