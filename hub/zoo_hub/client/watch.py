"""The limits of one call of the client: how long it may take, how many bytes, which hashes are accepted."""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoo.errors import InputError, NetworkError

if TYPE_CHECKING:
    from collections.abc import Iterator


TIMEOUT_VARIABLE = "ZOO_HUB_TIMEOUT"
DEFAULT_SECONDS = 60.0
"""Seconds that one answer may take, all tries together; `ZOO_HUB_TIMEOUT` changes it."""
MIN_BYTES_PER_SECOND = 50_000
"""A file may take as much longer as its bytes need at this rate."""
STALL_SECONDS = 10.0
"""Seconds without a byte after which a connection counts as lost."""
ANSWER_LIMIT = 32 << 20
"""Bytes of the longest answer that is no file: a listing of 10,000 files has about 2 million."""
PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Seconds to wait before each further try, unless the Hub asks for more in Retry-After ..."""
LONGEST_PAUSE = 30.0
"""... which is followed up to this many seconds; where the Hub asks for more, the call fails at once."""
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""The statuses after which another try may succeed."""
CLIENTS_OWN = ("HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE")
"""Variables that the client itself reads, an empty one as if it were meant."""
_watches: ContextVar[tuple[Watch, float] | None] = ContextVar("_watches", default=None)


class LateError(NetworkError):
    """The Hub took longer than its time limit."""


@dataclass(frozen=True)
class Watch:
    """What is expected of the requests that one call of the client makes; anything else is refused."""

    repo: str
    what: str = "its answer"
    """What is asked for, as messages call it: for a file, its name."""
    limit: int = ANSWER_LIMIT
    """Bytes of the longest body."""
    etag: str | None = None
    """The hash that a file's headers must name: its name in the cache follows from it."""
    commit: str | None = None
    """The commit that a file's headers must name."""
    seconds: float = field(default_factory=lambda: time_limit())
    """How long the call may take, further tries and pauses included."""
    tries: int = 1 + len(PAUSES)


def endpoint() -> str:
    """Return the Hub's address: HF_ENDPOINT, or the public one."""
    from huggingface_hub import constants

    return constants.ENDPOINT


def refuse_empty_settings() -> None:
    """Refuse variables of the client's that are set to nothing: it would take the current folder for its cache.

    Raises:
        InputError: one of them is empty or blank.
    """
    for name in CLIENTS_OWN:
        if name in os.environ and not os.environ[name].strip():
            raise InputError(f"{name}: it is set to nothing. Unset it, or give it a value")


def time_limit() -> float:
    """Return the seconds in `ZOO_HUB_TIMEOUT`, or the default.

    Raises:
        InputError: it is no positive number.
    """
    text = os.environ.get(TIMEOUT_VARIABLE, "").strip()
    try:
        seconds = float(text) if text else DEFAULT_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(
            f"{TIMEOUT_VARIABLE}={text}: it is no positive number of seconds. Give one, for example 60"
        )
    return seconds


def transfer_seconds(size: int) -> float:
    """Return how long a file of `size` bytes may take to be sent or received; raises as `time_limit` does."""
    return time_limit() + size / MIN_BYTES_PER_SECOND


@contextmanager
def watching(watch: Watch, deadline: float) -> Iterator[None]:
    """Apply a watch to this thread's requests while the block lasts."""
    token = _watches.set((watch, deadline))
    try:
        yield
    finally:
        _watches.reset(token)


def current_watch() -> tuple[Watch, float] | None:
    """Return the watch on this thread's requests and the time.monotonic() by which they must be over; None for none."""
    return _watches.get()


def late_error(watch: Watch) -> LateError:
    """Return the error of a call that took longer than `watch.seconds`."""
    return LateError(
        f"{watch.repo}: {watch.what} did not come within {watch.seconds:.0f} seconds. "
        f"Check the connection, or set {TIMEOUT_VARIABLE} to more seconds"
    )
