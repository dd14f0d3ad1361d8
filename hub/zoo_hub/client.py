"""The one way in which this package talks to the Hub, and how long it goes on trying."""

from __future__ import annotations

import logging
import os
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from zoo.__about__ import DISTRIBUTION, __version__
from zoo.console import say, stderr
from zoo.errors import UsageError
from zoo_hub.errors import LateError, is_transport, root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from huggingface_hub import HfApi

T = TypeVar("T")

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


_watches: ContextVar[tuple[Watch, float] | None] = ContextVar("_watches", default=None)


def client() -> HfApi:
    """Return a client that says who we are, and keeps quiet where nobody watches."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    # What it logs on its own account ("no files have been modified") is said here in the zoo's words.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if not stderr().is_terminal:
        disable_progress_bars()
    return HfApi(library_name=DISTRIBUTION, library_version=__version__)


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


def retrying(call: Callable[[], T], watch: Watch) -> T:
    """Return what `call` returns, calling it again while only the way there or the server's load is to blame.

    Only for calls that may be made twice: reading, `create_repo(exist_ok=True)`, uploading a blob. Never for a
    commit, whose answer may be lost while the commit is there.

    Every request of the call in this thread is watched: it ends in time, brings no more bytes than expected, and
    takes the token to the Hub's own address only.

    Raises:
        LateError: its time is over.
        Exception: what the last call raised.
    """
    deadline = time.monotonic() + watch.seconds
    for usual in PAUSES[: watch.tries - 1]:
        try:
            return _watched(call, watch, deadline)
        except Exception as error:
            pause = _pause(error, usual)
            if pause is not None and time.monotonic() >= deadline:
                raise late(watch) from error
            if pause is None or time.monotonic() + pause >= deadline:
                raise
        if pause > max(PAUSES):
            say(f"{watch.repo}: the Hub asks us to wait {pause:.0f} seconds")
        time.sleep(pause)
    return _watched(call, watch, deadline)


def _watched(call: Callable[[], T], watch: Watch, deadline: float) -> T:
    with _watching(watch, deadline):
        return call()


@contextmanager
def _watching(watch: Watch, deadline: float) -> Iterator[None]:
    """Have the client's requests in this thread watched."""
    from zoo_hub.watched import install

    install()
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


def _pause(error: BaseException, usual: float) -> float | None:
    """Return how many seconds to wait before another try; None when it would change nothing, or take too long."""
    from huggingface_hub.errors import HfHubHTTPError

    error = root(error)
    if not isinstance(error, HfHubHTTPError):
        return usual if is_transport(error) else None
    if error.response.status_code not in TRANSIENT:
        return None
    asked = error.response.headers.get("Retry-After", "")
    wait = max(usual, float(asked)) if asked.isascii() and asked.isdigit() else usual
    return wait if wait <= LONGEST_PAUSE else None
