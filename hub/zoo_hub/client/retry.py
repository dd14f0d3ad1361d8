"""A client of the Hub, and calling it again while only the way there or the Hub's load is to blame."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, TypeVar

from zoo.__about__ import DISTRIBUTION, __version__
from zoo.system.console import say, stderr
from zoo_hub.client.errors import is_transport, root
from zoo_hub.client.watch import LONGEST_PAUSE, PAUSES, TRANSIENT, Watch, late, watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from huggingface_hub import HfApi


T = TypeVar("T")


def client() -> HfApi:
    """Return a client that says who we are, and keeps quiet where nobody watches."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    # What it logs on its own account ("no files have been modified") is said here in the zoo's words.
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if not stderr().is_terminal:
        disable_progress_bars()
    return HfApi(library_name=DISTRIBUTION, library_version=__version__)


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
    from zoo_hub.client.session import install

    install()
    with watching(watch, deadline):
        return call()


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
