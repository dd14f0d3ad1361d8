"""The Hub: two addresses on this machine, what they remember, and what they were asked."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from tests.hub_server import api, cdn
from tests.hub_server.access import Access
from tests.hub_server.faults import Action, Fault, Faults
from tests.hub_server.store import Store
from tests.hub_server.wire import Logged, Server

if TYPE_CHECKING:
    from pathlib import Path

LIFETIME = 3600
"""Seconds for which a signed address works."""


class Hub:
    """A Hub that runs while its `with` block does.

        with Hub(folder, {"hf_me": "me"}) as hub:
            hub.fault("drop", path=r"/x/get/", after=50_000)
            ...  # with HF_ENDPOINT=hub.url in the client's environment

    The second address plays the content network: another origin, as in production, where large files are put
    and fetched.
    """

    def __init__(self, root: Path, users: dict[str, str], port: int = 0) -> None:
        """Listen; `users` maps tokens to names.

        Raises:
            OSError: the port is taken.
        """
        self.store = Store(root)
        self.access = Access(self.store, users)
        self.faults = Faults()
        self.log: list[Logged] = []
        self.leaked_tokens = 0
        """How often bytes were put or fetched with a token, which the second address has no business with."""
        self._secret = secrets.token_bytes(16)
        self._servers = [Server(self, "hub", api.route, port), Server(self, "cdn", cdn.route, 0)]

    @property
    def url(self) -> str:
        """What HF_ENDPOINT must be."""
        return self._servers[0].url

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def fault(self, action: Action, **fields: Any) -> Fault:
        """Put a fault in force; see `Fault` for its fields."""
        return self.faults.add(Fault(action, **fields))

    def signature(self, what: str, oid: str, expires: str) -> str:
        """Return the proof that this Hub gave an address out."""
        return hmac.new(self._secret, f"{what}|{oid}|{expires}".encode(), "sha256").hexdigest()

    def sign_address(self, what: str, oid: str) -> str:
        """Return an address on the second server where `oid` can be put, fetched or verified for an hour."""
        expires = str(int(time.time()) + LIFETIME)
        return f"{self._servers[1].url}/x/{what}/{oid}?exp={expires}&sig={self.signature(what, oid, expires)}"
