"""What a route gets: the store, who may do what, and the addresses that may be given out."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo_hub.server.access import Access
    from zoo_hub.server.store import Store

LIFETIME = 3600
"""Seconds for which a signed address works."""


class Context:
    """A Hub as its routes know it."""

    def __init__(self, store: Store, access: Access) -> None:
        self.store = store
        self.access = access
        self._secret = secrets.token_bytes(16)

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
