"""The Hub's client, and calls that are tried again where the connection failed or the Hub was busy."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from zoo.__about__ import DISTRIBUTION, __version__
from zoo.errors import InputError
from zoo.system.console import has_live_lines, say
from zoo_hub.client.errors import is_transport, root_cause
from zoo_hub.client.watch import (
    LONGEST_PAUSE,
    PAUSES,
    TRANSIENT,
    Watch,
    late_error,
    refuse_empty_settings,
    watching,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from huggingface_hub import HfApi


T = TypeVar("T")


def client() -> HfApi:
    """Return a client that sends the zoo's name, and shows progress bars on a terminal only."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils.tqdm import disable_progress_bars

    check_settings()
    # The zoo has its own messages for what the client logs ("no files have been modified").
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if not has_live_lines():
        disable_progress_bars()
    return HfApi(library_name=DISTRIBUTION, library_version=__version__)


def without_xet() -> None:
    """Move large files by plain HTTP from now on, as HF_HUB_DISABLE_XET=1 does from the start."""
    from huggingface_hub import constants

    constants.HF_HUB_DISABLE_XET = True


def headers() -> dict[str, str]:
    """Return the headers of a request that is made without `client`: the zoo's name, and the token if there is one."""
    from huggingface_hub.utils._headers import build_hf_headers

    check_settings()
    return build_hf_headers(library_name=DISTRIBUTION, library_version=__version__)


def check_settings() -> None:
    """Refuse a token that no request can carry, and settings of the client's that are set to nothing.

    Raises:
        InputError: a setting is empty, or the token holds a space, a control character or one that is not ASCII.
    """
    refuse_empty_settings()
    from huggingface_hub import constants, get_token

    problem = token_problem(get_token() or "")
    if problem:
        source = "HF_TOKEN" if os.environ.get("HF_TOKEN") else constants.HF_TOKEN_PATH
        raise InputError(f"{source}: the token's {problem}. Copy it again")


def token_problem(token: str) -> str | None:
    """Return what is wrong with a token, without showing it; None for one that a request can carry."""
    bad = next((index for index, character in enumerate(token) if not "!" <= character <= "~"), None)
    if bad is None:
        return None
    return f"character {bad + 1} of {len(token)} is {token[bad]!a}, and a token has only letters, digits and signs"


def retrying(call: Callable[[], T], watch: Watch) -> T:
    """Return what `call` returns; it is called again where the connection failed or the server was busy.

    Only for calls that may be made twice: reading, `create_repo(exist_ok=True)`, uploading a blob. Never for a
    commit: its answer may be lost although the commit was made.

    Every request that the call makes in this thread is watched: it ends in time, brings no more bytes than expected,
    and sends the token to the Hub's own address only.

    Raises:
        LateError: the call took longer than `watch.seconds`.
        Exception: what the last call raised.
    """
    deadline = time.monotonic() + watch.seconds
    for usual in PAUSES[: watch.tries - 1]:
        try:
            return _watched(call, watch, deadline)
        except Exception as error:
            pause = _pause(error, usual)
            if pause is not None and time.monotonic() >= deadline:
                raise late_error(watch) from error
            if pause is None or time.monotonic() + pause >= deadline:
                raise
        if pause > max(PAUSES):
            say(f"{watch.repo}: the Hub asks us to wait {pause:.0f} seconds")
        time.sleep(pause)
    return _watched(call, watch, deadline)


def download(api: HfApi, watch: Watch) -> Path:
    """Download the file `watch.what` of `watch.commit` into the cache; return its path; raises as `retrying` does."""
    return Path(retrying(partial(api.hf_hub_download, watch.repo, watch.what, revision=watch.commit), watch))


def _watched(call: Callable[[], T], watch: Watch, deadline: float) -> T:
    from zoo_hub.client.session import install

    install()
    with watching(watch, deadline):
        return call()


def _pause(error: BaseException, usual: float) -> float | None:
    """Return the seconds to wait before another try; None where a try would not help, or the Hub asks for too long."""
    from huggingface_hub.errors import HfHubHTTPError

    error = root_cause(error)
    if not isinstance(error, HfHubHTTPError):
        return usual if is_transport(error) else None
    if error.response.status_code not in TRANSIENT:
        return None
    asked = error.response.headers.get("Retry-After", "")
    wait = max(usual, float(asked)) if asked.isascii() and asked.isdigit() else usual
    return wait if wait <= LONGEST_PAUSE else None
