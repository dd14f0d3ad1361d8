"""How fast a training goes now, and a length of time in words."""

from __future__ import annotations

import time
from collections import deque

WINDOW = 60.0
"""Seconds that a speed is the mean of."""
APART = 0.25
"""Seconds between the moments that are kept."""


class Speed:
    """Steps a second over about the last minute, everything counted that is done between two steps."""

    def __init__(self) -> None:
        self._moments: deque[tuple[float, int]] = deque()
        self._last = (0.0, 0)
        self._first: float | None = None

    def start(self, step: int) -> None:
        """Count from here, where `step` steps have been made."""
        self._moments.clear()
        self._first = None
        self._last = (time.monotonic(), step)

    def made(self, step: int) -> None:
        """Note that `step` steps have been made."""
        now = time.monotonic()
        if self._first is None:
            # The first one sets everything up: it stands for the others only until there is another.
            self._first = now - self._last[0]
        self._last = (now, step)
        if not self._moments or now - self._moments[-1][0] >= APART:
            self._moments.append(self._last)
        while len(self._moments) > 2 and now - self._moments[0][0] > WINDOW:
            self._moments.popleft()

    @property
    def steps_per_second(self) -> float | None:
        """The speed; None before the first step."""
        if self._first is None:
            return None
        began, step = self._moments[0]
        now, made = self._last
        if made > step and now > began:
            return (made - step) / (now - began)
        return 1 / max(self._first, 1e-9)


def in_words(seconds: float) -> str:
    """Return a length of time as people say it, rounded: `40 s`, `12 min`, `2 h 05 min`, `3 days`."""
    if seconds < 100:
        return f"{max(seconds, 0):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes / (24 * 60):.0f} days"
