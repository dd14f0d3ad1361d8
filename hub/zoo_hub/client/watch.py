"""What one call of the client may take: how long, how many bytes, which hashes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoo.errors import NetworkError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


TIMEOUT = "ZOO_HUB_TIMEOUT"
PATIENCE = 60.0
"""Seconds that one answer may take, with everything that is tried again; `ZOO_HUB_TIMEOUT` changes it."""
SLOWEST = 50_000
"""Bytes a second: a file may take as much longer as it would at this rate."""
STALL = 10.0
"""Seconds without a byte after which a connection counts as lost."""
ANSWER_LIMIT = 32 << 20
"""Bytes of an answer that is no file: a listing of 10,000 files has about 2 million."""
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before each further try, unless the Hub asks for more in Retry-After ..."""
LONGEST_PAUSE = 30.0
"""... and then no more than this; who is asked to wait longer is told so at once."""
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that another try may change."""
_watches: ContextVar[tuple[Watch, float] | None] = ContextVar("_watches", default=None)


class LateError(NetworkError):
    """The Hub took longer than anybody would wait."""


@dataclass(frozen=True)
class Watch:
    """What is expected of the requests that one call of the client makes. Nothing else is accepted."""

    repo: str
    what: str = "its answer"
    limit: int = ANSWER_LIMIT
    """Bytes of the longest body."""
    etag: str | None = None
    """What a file's headers must name as its hash: they decide what it is called in the cache."""
    commit: str | None = None
    seconds: float = field(default_factory=lambda: patience())
    """How long the call may take, further tries and pauses included."""
    tries: int = 1 + len(PAUSES)


def endpoint() -> str:
    """Return the Hub's address: HF_ENDPOINT, or the public one."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def patience() -> float:
    """Return `ZOO_HUB_TIMEOUT`, or what holds without it.

    Raises:
        UsageError: it is no positive number.
    """
    text = os.environ.get(TIMEOUT, "")
    try:
        seconds = float(text) if text else PATIENCE
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{TIMEOUT}={text}: it is no positive number of seconds. Give one, for example 60")
    return seconds


@contextmanager
def watching(watch: Watch, deadline: float) -> Iterator[None]:
    """Have what is expected of this thread's requests known to the session while the block lasts."""
    token = _watches.set((watch, deadline))
    try:
        yield
    finally:
        _watches.reset(token)


def current_watch() -> tuple[Watch, float] | None:
    """Return what is expected of this thread's requests, and the time.monotonic() at which they must be over."""
    return _watches.get()


def late(watch: Watch) -> LateError:
    """Return the error of a call whose time is over."""
    return LateError(
        f"{watch.repo}: {watch.what} did not come within {watch.seconds:.0f} seconds. "
        f"Check the connection, or set {TIMEOUT} to more seconds"
    )
