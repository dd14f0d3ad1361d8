"""Connections that keep a server waiting, and honest clients that are timed meanwhile."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOW_HEAD = b"GET /api/models HTTP/1.1\r\nHost: x\r\nX-Slow: "
DRIP_SECONDS = 10.0


@dataclass
class Opened:
    """One of the crowd's connections."""

    socket: socket.socket
    start: bytes
    was_closed: bool = False

    def is_closed(self) -> bool:
        """Whether the server closed it; what it sent before may still be there to be read."""
        try:
            reset = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
            self.was_closed |= reset or self.socket.recv(1, socket.MSG_PEEK) == b""
        except BlockingIOError:
            pass
        except OSError:
            self.was_closed = True
        return self.was_closed


@dataclass
class Crowd:
    """Idle connections and slow ones, open while the `with` block runs; those that are closed come again.

    A slow one sends `slow_start` and then a byte every `drip_seconds`.
    """

    url: str
    idle: int
    slow: int
    slow_start: Sequence[bytes] = (SLOW_HEAD,)
    drip_seconds: float = DRIP_SECONDS
    reopened: int = 0
    _opened: list[Opened] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        starts = [b""] * self.idle + [
            self.slow_start[index % len(self.slow_start)] for index in range(self.slow)
        ]
        self._opened = [self._open(start) for start in starts]
        self._thread = threading.Thread(target=self._drip)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for opened in self._opened:
            opened.socket.close()

    def _open(self, start: bytes) -> Opened:
        address = urlsplit(self.url)
        opened = socket.create_connection((str(address.hostname), int(address.port or 80)), timeout=10)
        with suppress(OSError):
            opened.sendall(start)
        opened.setblocking(False)
        return Opened(opened, start)

    def _drip(self) -> None:
        while not self._over.wait(self.drip_seconds):
            for index, opened in enumerate(self._opened):
                if opened.start:
                    with suppress(OSError):
                        opened.socket.send(b"x")
                if opened.is_closed():
                    opened.socket.close()
                    with suppress(OSError):
                        self._opened[index] = self._open(opened.start)
                        self.reopened += 1

    def held(self) -> int:
        """Return how many of the connections the server has not closed."""
        return sum(not opened.is_closed() for opened in self._opened)


@dataclass
class Served:
    """What honest clients got."""

    asked: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of each request that was answered as it should be."""

    def percentile(self, share: float) -> float:
        """Return the time within which this share of the answers came."""
        return sorted(self.seconds)[min(int(share * len(self.seconds)), len(self.seconds) - 1)]

    def __str__(self) -> str:
        share = 100 * len(self.seconds) / self.asked
        p50, p95 = self.percentile(0.5), self.percentile(0.95)
        return f"served {share:.1f} % of {self.asked}, p50 {p50:.3f} s, p95 {p95:.3f} s, max {max(self.seconds):.3f} s"


def ask(url: str, path: str, expected: bytes, clients: int, requests: int, pause: float = 0.0) -> Served:
    """Have honest clients, each on connections of its own, ask for a path so many times, all at once."""
    served, lock = Served(), threading.Lock()

    def client(_: int) -> None:
        for _request in range(requests):
            began = time.monotonic()
            answered = _answer(url, path) == expected
            with lock:
                served.asked += 1
                served.seconds += [time.monotonic() - began] * answered
            time.sleep(pause)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    return served


def _answer(url: str, path: str) -> bytes | None:
    address = urlsplit(url)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == 200 else None
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
