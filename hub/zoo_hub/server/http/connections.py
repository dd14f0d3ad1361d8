"""Connections with deadlines: who keeps this Hub waiting is cut off, and takes no place from others meanwhile.

uvicorn ends idle connections and bounds a request's head. What it does not know is added here: a deadline for the
head, a slowest rate for bodies and answers, and caps of connections, one for each address and one for all.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    Wait = Literal["head", "body", "answer"]

BACKLOG = 2048
HEAD_LIMIT = 32 << 10
HEAD_SECONDS = 15.0
"""From a connection, or a later request's first byte, to the end of the request's head."""
IDLE_SECONDS = 60
"""Between two requests."""
QUIET_SECONDS = 30.0
"""Without a byte of a body, or of an answer taken."""
SLOWEST_RATE = 1000
"""Bytes a second that a client has to send or take on average, after the first `QUIET_SECONDS`."""
DROPPED_LIMIT = 64 << 20
"""Of a refused request's body, read and dropped: most clients read the answer only once they sent everything."""
PER_ADDRESS = 500
"""Connections of one address. A class room may have one; beyond it those go that keep us waiting longest."""
TOTAL = 2000
SPARE_FILES = 100
"""Files that the process needs besides two for each connection."""
SEND_BUFFER = 256 << 10
"""Bytes that the system keeps for a client: with more, one that reads slowly looks like one that stopped."""


class ClientConnection(H11Protocol):
    """One client's connection."""

    total = TOTAL

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection; where there are too many, the one that has least right to its place goes."""
        super().connection_made(transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.address = _network(str(transport.get_extra_info("peername")[0]))
        self.has_asked = False
        self._reset(HEAD_SECONDS)
        if len(self.connections) > self.total:
            _cut_worst(_ours(self.connections - {self}), 1)

    def _reset(self, seconds: float) -> None:
        """Begin to wait for a request's head, for so many seconds."""
        self.since = self.last_move = time.monotonic()
        self.deadline = self.since + seconds
        self._moved = self._waited = 0.0
        self._head_began = not self.has_asked
        self._buffered = 0

    def waits_for(self) -> Wait | None:
        """Return what the client has to send or take before this Hub can go on; None where it is this Hub's turn."""
        if self.flow.write_paused or (self._is_answered() and self.transport.get_write_buffer_size()):
            return "answer"
        if self.conn.their_state is h11.SEND_BODY:
            return None if self.flow.read_paused else "body"
        return "head" if self._is_answered() else None

    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Note that the client sent something."""
        self.last_move = time.monotonic()
        if self.waits_for() == "head" and not self._head_began:
            self._head_began, self.since = True, self.last_move
            self.deadline = self.since + HEAD_SECONDS
        self._moved += len(data)
        super().data_received(data)

    def resume_writing(self) -> None:
        """Note that the client took something."""
        self._note_taken()
        super().resume_writing()

    def _note_taken(self) -> None:
        left = self.transport.get_write_buffer_size()
        if left < self._buffered:
            self.last_move = time.monotonic()
            self._moved += self._buffered - left
        self._buffered = left

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self.has_asked = True
        self._reset(IDLE_SECONDS)
        super().on_response_complete()

    def is_late(self, seconds: float) -> bool:
        """Whether the client has used up its time; `seconds` passed since this was asked last."""
        wait = self.waits_for()
        if wait is None:
            self.last_move = time.monotonic()
            return False
        if wait == "head":
            return time.monotonic() > self.deadline
        self._note_taken()
        self._waited += seconds
        too_much = self._is_answered() and self._moved > DROPPED_LIMIT
        too_slow = self._waited > QUIET_SECONDS + self._moved / SLOWEST_RATE
        return too_much or too_slow or self.waited_seconds() > QUIET_SECONDS

    def waited_seconds(self) -> float:
        """Return for how long this Hub has waited: for a head since it was due, for all else since the last byte."""
        return time.monotonic() - (self.since if self.waits_for() == "head" else self.last_move)

    def cut(self) -> None:
        """Close the connection, whatever is still to be sent."""
        if self.waits_for() == "answer":
            # The system would go on to offer the rest to the client for minutes.
            linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


def _ours(connections: Iterable[object]) -> list[ClientConnection]:
    return [connection for connection in connections if isinstance(connection, ClientConnection)]


def keep_order(connections: Iterable[object], seconds: float = 1.0) -> None:
    """Cut off who is late, and of each address the worst beyond its cap; called every `seconds`."""
    by_address: dict[str, list[ClientConnection]] = defaultdict(list)
    for connection in _ours(connections):
        if connection.is_late(seconds):
            connection.cut()
        else:
            by_address[connection.address].append(connection)
    for group in by_address.values():
        # Who has just connected gets the time to say what they want.
        _cut_worst([one for one in group if one.waited_seconds() > seconds], len(group) - PER_ADDRESS)


def _cut_worst(connections: list[ClientConnection], count: int) -> None:
    """Cut off connections that keep us waiting: first those that never asked anything, then the idle, then the slow."""

    def rank(connection: ClientConnection) -> tuple[bool, bool, float]:
        is_idle = connection.waits_for() == "head"
        return is_idle and not connection.has_asked, is_idle, connection.waited_seconds()

    waiting = [connection for connection in connections if connection.waits_for() is not None]
    for connection in sorted(waiting, key=rank, reverse=True)[: max(count, 0)]:
        connection.cut()


def _network(address: str) -> str:
    """Return the address, of IPv6 the network, of which one client can have all addresses."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)


def allow_connections() -> None:
    """Raise this process's limit of open files as far as is needed and allowed; accept no more than it bears."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * TOTAL + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        ClientConnection.total = max(1, min(TOTAL, (soft - SPARE_FILES) // 2))
