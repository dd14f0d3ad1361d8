"""What every route is given: the store, the access rules, and signed addresses for large files."""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from zoo_hub.server.access import Access
    from zoo_hub.server.store import Store

LIFETIME_SECONDS = 3600
"""How long a signed address is valid."""


class Context:
    """The parts of a Hub that its routes use."""

    def __init__(self, store: Store, access: Access) -> None:
        self.store = store
        self.access = access
        self._secret = secrets.token_bytes(16)

    def download_address(self, oid: str) -> str | None:  # noqa: ARG002
        """Return another address from which a large file is downloaded; None where it is sent from here."""
        return None

    def signature(self, what: str, oid: str, repo: str, expires: str) -> str:
        """Return the signature of an address, by which this Hub recognises those that it gave out."""
        return hmac.new(self._secret, f"{what}|{oid}|{repo}|{expires}".encode(), "sha256").hexdigest()

    def sign_address(self, what: str, oid: str, base: str, repo: str = "") -> str:
        """Return an address below `base` at which the file `oid` can be put, got or verified for an hour.

        `repo` is the KIND/OWNER/NAME that the file is put into, or that it was put into and is verified for.
        """
        expires = str(int(time.time()) + LIFETIME_SECONDS)
        signature = self.signature(what, oid, repo, expires)
        return f"{base}/x/{what}/{oid}?{urlencode({'repo': repo, 'exp': expires, 'sig': signature})}"
