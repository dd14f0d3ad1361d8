"""Connections on which things go wrong as the faults in force say."""

from __future__ import annotations

import re
import socket
import struct
import time
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, ClassVar

from zoo_hub.server.messages import Answer
from zoo_hub.server.wire import Handler

if TYPE_CHECKING:
    from tests.support.hub.server.faults import Fault
    from tests.support.hub.server.hub import Hub
    from zoo_hub.server.messages import Request


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


class FaultyHandler(Handler):
    """One connection to a Hub that keeps a log."""

    hub: ClassVar[Hub]
    host: ClassVar[str]

    def respond(self, request: Request) -> None:
        """Answer, or do what a fault says."""
        fault = self.hub.faults.pick(self.command, self.path)
        agent, span = self.headers.get("User-Agent", ""), self.headers.get("Range")
        action = fault.action if fault else None
        self.entry = Logged(self.host, self.command, request.path, agent, span, action)
        self.hub.log.append(self.entry)
        if fault is None:
            super().respond(request)
        elif fault.action == "refuse":
            self._cut()
        else:
            self._respond_wrongly(request, fault)

    def _respond_wrongly(self, request: Request, fault: Fault) -> None:
        if fault.action == "slow":
            time.sleep(fault.delay)
        if fault.action == "status":
            answer = Answer({"error": f"injected {fault.status}"}, fault.status, fault.headers)
        else:
            answer = self.answer(request)
        if fault.action == "lost":
            self._cut()
            return
        real, self.wfile = self.wfile, BytesIO()
        self.send(answer)
        sent, self.wfile = self.wfile.getvalue(), real
        head, _, body = sent.partition(b"\r\n\r\n")
        self._send_wrongly(head, body, fault)

    def _send_wrongly(self, head: bytes, body: bytes, fault: Fault) -> None:
        if self.command != "HEAD":
            body = fault.change(body)
            head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
        self.wfile.write(head + b"\r\n\r\n")
        if fault.action in ("drop", "rst") and self.command != "HEAD":
            self.wfile.write(body[: fault.after])
            self._cut(reset=fault.action == "rst")
        elif fault.action == "slow" and fault.rate:
            piece = max(1, fault.rate // 10)
            for start in range(0, len(body), piece):
                self.wfile.write(body[start : start + piece])
                time.sleep(piece / fault.rate)
        else:
            self.wfile.write(body)

    def send_head(self, status: int, headers: dict[str, str], length: int) -> None:
        """Note the status."""
        self.entry.status = status
        super().send_head(status, headers, length)

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
