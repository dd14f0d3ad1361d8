"""What can go wrong on the way, on demand: answers cut, delayed, changed or replaced by a status."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["corrupt", "drop", "lost", "refuse", "rst", "slow", "status", "truncate"]


@dataclass
class Fault:
    """One fault, and which requests it strikes.

    `corrupt` flips the byte at `after`; `drop` and `rst` cut the connection once `after` bytes of the body
    are sent; `truncate` sends the first `after` bytes as if they were all; `lost` does the work and never
    answers; `refuse` hangs up at once; `status` answers `status`; `slow` waits `delay` seconds, then sends
    `rate` bytes a second (0: all at once).
    """

    action: Action
    path: str = ".*"
    """A regular expression searched in the path with its query."""
    method: str = ".*"
    nth: int = 1
    """Strikes from the nth matching request on ..."""
    times: int = 1
    """... this many times (0: for ever)."""
    after: int = 0
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    rate: int = 0
    seen: int = 0
    fired: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Count the request if it matches, and say whether it is struck."""
        if not (re.search(self.path, path) and re.fullmatch(self.method, method)):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times and self.fired >= self.times):
            return False
        self.fired += 1
        return True

    def change(self, body: bytes) -> bytes:
        """Return the body as the client shall see it."""
        if self.action == "truncate":
            return body[: self.after]
        if self.action == "corrupt" and body:
            at = self.after % len(body)
            return body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]
        return body


class Faults:
    """The faults in force; the first that strikes a request is the one it gets."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Lift every fault."""
        with self._lock:
            self._faults.clear()

    def pick(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this request."""
        with self._lock:
            return next((fault for fault in self._faults if fault.strikes(method, path)), None)
