"""A file server on this machine that misbehaves to order."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class FileServer:
    """Serves one file under every address; its faults may be changed while it runs."""

    data: bytes
    etag: str | None = '"first"'
    ranges: bool = True
    status: int = 200
    drops: list[int] = field(default_factory=list)
    """How many bytes each of the next answers brings before the connection breaks."""
    announce_more: int = 0
    """Bytes promised in each answer that never come."""
    length: str | None = None
    """What each answer says of its length, in place of a number."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """The headers of each request."""
    url: str = ""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server.file_server  # type: ignore[attr-defined]
        assert isinstance(server, FileServer)
        server.asked.append({name.lower(): value for name, value in self.headers.items()})
        if server.status != 200:
            self.send_error(server.status)
            return
        start = self._start(server)
        if start is not None and start >= len(server.data):
            self.send_error(416)
            return
        body = server.data[start or 0 :]
        self.send_response(200 if start is None else 206)
        self.send_header("Content-Length", server.length or str(len(body) + server.announce_more))
        if start is not None:
            end = len(server.data)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        self.wfile.write(body[: server.drops.pop(0)] if server.drops else body)

    def _start(self, server: FileServer) -> int | None:
        """Return where the range that was asked for begins, or None for the whole file."""
        wanted = self.headers.get("Range")
        if not wanted or not server.ranges or self.headers.get("If-Range") != server.etag:
            return None
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serve(data: bytes) -> Iterator[FileServer]:
    """Serve `data` until the block ends."""
    server = FileServer(data)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        http.file_server = server  # type: ignore[attr-defined]
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def closed_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
