"""A web server for one play page, from memory: there is nothing else that it could give away."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
}
"""By suffix, whatever this machine's own list says."""
SECONDS = 30
"""That a connection may say nothing."""
CONNECTIONS_LIMIT = 128
"""Connections at one time; with one more, the oldest is closed. A browser keeps six, and asks again."""


class PageServer(ThreadingHTTPServer):
    """Answers GET and HEAD for a page's files, and 404 for anything else."""

    daemon_threads = True
    request_queue_size = CONNECTIONS_LIMIT

    def __init__(self, files: Mapping[str, bytes], host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: the address is taken, or not this machine's.
        """
        self.files = files
        self.host = host
        self._open: dict[Any, None] = {}
        self._lock = threading.Lock()
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.server_port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer a connection in a thread of its own, whoever else holds one."""
        with self._lock:
            self._open[request] = None
            oldest = next(iter(self._open)) if len(self._open) > CONNECTIONS_LIMIT else None
        if oldest is not None:
            self._forget(oldest)
            with suppress(OSError):
                oldest.shutdown(socket.SHUT_RDWR)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._forget(request)
        super().shutdown_request(request)

    def _forget(self, request: Any) -> None:
        with self._lock:
            self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "zoo", ""
    timeout = SECONDS

    def do_GET(self) -> None:
        data = self._answer()
        self.wfile.write(data)

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> bytes:
        """Send the headers and return the body."""
        name = unquote(self.path.partition("?")[0]).removeprefix("/") or "index.html"
        data = self.server.files.get(name)
        self.send_response(HTTPStatus.NOT_FOUND if data is None else HTTPStatus.OK)
        body = b"There is no such file.\n" if data is None else data
        kind = TYPES.get(PurePosixPath(name).suffix, "application/octet-stream")
        self.send_header("Content-Type", TYPES[".txt"] if data is None else kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        return body

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the address was printed, and what is asked for is in the browser."""
