"""Hooks into the client's HTTP session, for checks that the client makes too late or not at all.

The client compares sizes only at the end of a download, waits as long as a server asks it to, and names a file in its
cache whatever the server's headers say. Requests without a watch pass unchanged.
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory, hf_raise_for_status

from zoo.errors import IntegrityError, NetworkError
from zoo.system.arguments import decimal_count
from zoo_hub.client.watch import STALL_SECONDS, TRANSIENT, Watch, current_watch, endpoint, late_error

if TYPE_CHECKING:
    from collections.abc import Iterator


try:
    from httpx2 import SyncByteStream
except ImportError:  # the client before 2.0
    from httpx import SyncByteStream  # type: ignore[import-not-found, no-redef]


@cache
def install() -> None:
    """Put the hooks into every session that the client opens from now on."""
    set_client_factory(_session)


def _session() -> Any:
    session = default_client_factory()
    hooks = session.event_hooks
    session.event_hooks = {
        "request": [*hooks["request"], on_request],
        "response": [*hooks["response"], on_response],
    }
    return session


def on_request(request: Any) -> None:
    """Give a request its timeout, refuse compression, and remove the token where it goes to another address."""
    expected = current_watch()
    if expected is None:
        return
    watch, deadline = expected
    left = deadline - time.monotonic()
    if left <= 0:
        raise late_error(watch)
    for phase, seconds in request.extensions.get("timeout", {}).items():
        request.extensions["timeout"][phase] = min(STALL_SECONDS if seconds is None else seconds, left)
    if request.method in ("GET", "HEAD"):
        request.headers["Accept-Encoding"] = "identity"
    if _origin(str(request.url)) != _origin(endpoint()):
        request.headers.pop("authorization", None)


def on_response(response: Any) -> None:
    """Refuse an answer by its headers, and bound the length and time of its body."""
    expected = current_watch()
    request = response.request
    if expected is None or request.method not in ("GET", "HEAD"):
        return
    watch, deadline = expected
    response.stream = _LimitedStream(response.stream, watch, deadline)
    if response.status_code in TRANSIENT:
        # The client itself would wait as long as the answer asks it to.
        hf_raise_for_status(response)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise NetworkError(f"{watch.repo}: {watch.what} came compressed, which was not asked for. {ADVICE}")
    if request.method == "HEAD" and response.status_code < 400 and watch.etag is not None:
        _check_headers(response, watch)
    elif request.method == "GET" and _length(response.headers) > watch.limit:
        raise _too_long_error(watch)


ADVICE = "Try again later, or look at what HF_ENDPOINT and HTTPS_PROXY name"


def _check_headers(response: Any, watch: Watch) -> None:
    """Compare a file's headers with the listing: the client names the file in its cache after them."""
    headers = response.headers
    if response.has_redirect_location:
        target = urljoin(str(response.request.url), headers["Location"])
        if _origin(target) == _origin(endpoint()):
            return  # the client asks there, and that answer's headers count
    etag = (headers.get("X-Linked-Etag") or headers.get("ETag") or "none").removeprefix("W/").strip('"')
    for what, found, listed in (
        ("hash", etag, watch.etag),
        ("commit", headers.get("X-Repo-Commit", "none"), watch.commit),
    ):
        if found != listed:
            raise IntegrityError(
                f"{watch.repo}: {watch.what}: the Hub lists the {what} {str(listed)[:12]}... "
                f"and then names {found[:12]!r}. {ADVICE}"
            )


def _length(headers: Any) -> int:
    return decimal_count(headers.get("Content-Length", "")) or 0


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _too_long_error(watch: Watch) -> NetworkError:
    return NetworkError(
        f"{watch.repo}: {watch.what} is longer than the {watch.limit:,} bytes expected of it. {ADVICE}"
    )


class _LimitedStream(SyncByteStream):
    """A body that fails where it takes too long or has more bytes than expected, whatever its headers say."""

    def __init__(self, stream: Any, watch: Watch, deadline: float) -> None:
        self._stream, self._watch, self._deadline = stream, watch, deadline

    def __iter__(self) -> Iterator[bytes]:
        count = 0
        for piece in self._stream:
            count += len(piece)
            if count > self._watch.limit:
                raise _too_long_error(self._watch)
            if time.monotonic() > self._deadline:
                raise late_error(self._watch)
            yield piece

    def close(self) -> None:
        self._stream.close()
