"""The Hub: an address on this machine, and what it remembers."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Self

from zoo_hub.server import api
from zoo_hub.server.access import Access
from zoo_hub.server.store import Store
from zoo_hub.server.wire import Handler, Server

if TYPE_CHECKING:
    from pathlib import Path

LIFETIME = 3600
"""Seconds for which a signed address works."""


class LocalHub:
    """A Hub that runs while its `with` block does.

    with LocalHub(folder, {"hf_me": "me"}) as hub:
        ...  # with HF_ENDPOINT=hub.url in the client's environment
    """

    def __init__(self, root: Path, users: dict[str, str], port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen; `users` maps tokens to names.

        Raises:
            OSError: the port is taken, or the host is none of this machine's.
            BusyError: another process serves the folder.
            ResourceError: the folder cannot be written.
        """
        self.server = Server(partial(api.route, self), host, port, self.handler())
        try:
            self.store = Store(root)
        except BaseException:
            self.server.server_close()
            raise
        self.access = Access(self.store, users)
        self._secret = secrets.token_bytes(16)

    @property
    def url(self) -> str:
        """What HF_ENDPOINT must be."""
        return self.server.url

    def handler(self) -> type[Handler]:
        """Return what serves a connection."""
        return Handler

    def servers(self) -> list[Server]:
        """Return every address."""
        return [self.server]

    def __enter__(self) -> Self:
        for server in self.servers():
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers():
            server.shutdown()
            server.server_close()
        self.store.close()

    def elsewhere(self, oid: str) -> str | None:  # noqa: ARG002
        """Return where a large file is fetched, None for here."""
        return None

    def signature(self, what: str, oid: str, expires: str) -> str:
        """Return the proof that this Hub gave an address out."""
        return hmac.new(self._secret, f"{what}|{oid}|{expires}".encode(), "sha256").hexdigest()

    def sign_address(self, what: str, oid: str, base: str) -> str:
        """Return an address below `base` where `oid` can be put, fetched or verified for an hour."""
        expires = str(int(time.time()) + LIFETIME)
        return f"{base}/x/{what}/{oid}?exp={expires}&sig={self.signature(what, oid, expires)}"
