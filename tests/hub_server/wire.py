"""HTTP as it goes over the socket: bodies in, answers with ranges out, and the faults on the way."""

from __future__ import annotations

import json
import re
import socket
import struct
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from tests.hub_server.messages import Answer, RefusedError, Request

if TYPE_CHECKING:
    from tests.hub_server.faults import Fault
    from tests.hub_server.hub import Hub

Route = Callable[["Hub", Request], Answer]


@dataclass
class Logged:
    """A request that came, and how it was answered (0: not at all)."""

    host: str
    method: str
    path: str
    user_agent: str
    range: str | None
    fault: str | None
    status: int = 0


class Server(ThreadingHTTPServer):
    """One address of the Hub."""

    daemon_threads = True
    # A second server on the same port would take half of the first one's requests.
    allow_reuse_port = False

    def __init__(self, hub: Hub, name: str, route: Route, port: int) -> None:
        self.hub, self.name, self.route = hub, name, route
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """The address without a slash at its end."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "LoopbackHub/1"
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the log is `Hub.log`."""

    def setup(self) -> None:
        """Send small answers at once."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def handle_any(self) -> None:
        """Answer one request."""
        hub = self.server.hub
        authorization = self.headers.get("Authorization")
        token = authorization.removeprefix("Bearer ").strip() if authorization else None
        request = Request(self.command, self.path, token, self._read_body())
        fault = hub.faults.pick(self.command, self.path)
        agent, span = self.headers.get("User-Agent", ""), self.headers.get("Range")
        action = fault.action if fault else None
        self.entry = Logged(self.server.name, self.command, request.path, agent, span, action)
        hub.log.append(self.entry)
        try:
            self._answer(request, fault)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815

    def _answer(self, request: Request, fault: Fault | None) -> None:
        if fault and fault.action == "refuse":
            self._cut()
            return
        if fault and fault.action == "slow":
            time.sleep(fault.delay)
        if fault and fault.action == "status":
            answer = Answer({"error": f"injected {fault.status}"}, fault.status, fault.headers)
        else:
            try:
                answer = self.server.route(self.server.hub, request)
            except RefusedError as error:
                answer = error.answer()
        if fault and fault.action == "lost":
            self._cut()
            return
        self._send(answer, fault)

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return bytes(body)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        status, headers, body = self._encode(answer)
        if fault:
            body = fault.change(body)
        self.entry.status = status
        self.send_response(status)
        for name, value in {
            "X-Request-Id": uuid.uuid4().hex,
            **headers,
            "Content-Length": str(len(body)),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and fault.action in ("drop", "rst"):
            self.wfile.write(body[: fault.after])
            self._cut(reset=fault.action == "rst")
        elif fault and fault.action == "slow" and fault.rate:
            piece = max(1, fault.rate // 10)
            for start in range(0, len(body), piece):
                self.wfile.write(body[start : start + piece])
                time.sleep(piece / fault.rate)
        else:
            self.wfile.write(body)

    def _encode(self, answer: Answer) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and bytes; of a file the range that was asked for."""
        headers = dict(answer.headers)
        if isinstance(answer.payload, bytes):
            return answer.status, headers, answer.payload
        if not isinstance(answer.payload, Path):
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
            return answer.status, headers, json.dumps(answer.payload).encode()
        headers.setdefault("Content-Type", "application/octet-stream")
        data = answer.payload.read_bytes()
        wanted = self.headers.get("Range")
        if not wanted:
            return answer.status, headers, data
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
        first = int(span[1]) if span else len(data)
        if span is None or first >= len(data):
            return 416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b""
        part = data[first : int(span[2]) + 1 if span[2] else None]
        headers["Content-Range"] = f"bytes {first}-{first + len(part) - 1}/{len(data)}"
        return 206, headers, part

    def _cut(self, *, reset: bool = False) -> None:
        """Hang up, with a reset where that is asked for."""
        self.close_connection = True
        self.wfile.flush()
        if reset:
            # The bytes sent so far must be read before the reset discards them.
            time.sleep(0.2)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
