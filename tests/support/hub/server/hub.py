"""The Hub of the tests: two addresses on this machine, and what they were asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tests.support.hub.server.faults import Action, Fault, Faults
from tests.support.hub.server.wire import Faulty, Logged
from zoo_hub.server import content, routes
from zoo_hub.server.access import Access
from zoo_hub.server.context import Context
from zoo_hub.server.http.app import App
from zoo_hub.server.http.listener import Listener
from zoo_hub.server.hub import LocalHub

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

    from zoo_hub.server.messages import Answer, Request, Sink
    from zoo_hub.server.store import Store

READ_ONLY = ":ro"
"""A token that ends like this cannot write."""


class ReadOnlyAccess(Access):
    """Rules that know tokens for reading only."""

    def name_of(self, token: str) -> str | None:
        """Return whose token this is, read-only or not."""
        return super().name_of(token.removesuffix(READ_ONLY))

    def may_write(self, token: str) -> bool:
        """Whether the token is good for changes too."""
        return not token.endswith(READ_ONLY)


class TwoAddresses(Context):
    """A Hub whose large files are put and fetched at another address."""

    def __init__(self, store: Store, access: Access, content: str) -> None:
        super().__init__(store, access)
        self._content = content

    def download_address(self, oid: str) -> str | None:
        """Return a large file's address on the second server."""
        return self.sign_address("get", oid, self._content)

    def sign_address(self, what: str, oid: str, base: str, repo: str = "") -> str:  # noqa: ARG002
        """Return an address on the second server."""
        return super().sign_address(what, oid, self._content, repo)


class Hub(LocalHub):
    """A Hub that runs while its `with` block does.

        with Hub(folder, {"hf_me": "me"}) as hub:
            hub.fault("drop", path=r"/x/get/", after=50_000)
            ...  # with HF_ENDPOINT=hub.url in the client's environment

    The second address plays the content network: another origin, as in production, where large files are put
    and fetched.
    """

    def __init__(self, root: Path, users: dict[str, str], port: int = 0) -> None:
        self.faults = Faults()
        self.log: list[Logged] = []
        self.leaked_tokens = 0
        """How often bytes were put or fetched with a token, which the second address has no business with."""
        super().__init__(root, users, port)

    def make_context(self, users: dict[str, str]) -> Context:
        """Return what the routes get: rules with read-only tokens, and addresses on the second server."""
        self.content = Listener("127.0.0.1", 0)
        return TwoAddresses(self.store, ReadOnlyAccess(self.store, users), self.content.url)

    def applications(self) -> dict[Listener, ASGIApp]:
        """Return what the two addresses answer with."""
        main = App(partial(routes.route, self.context), self.url)
        files = App(partial(content_route, self), self.content.url)
        return {self.listener: Faulty(main, self, "hub"), self.content: Faulty(files, self, "cdn")}

    def fault(self, action: Action, **fields: Any) -> Fault:
        """Put a fault in force; see `Fault` for its fields."""
        return self.faults.add(Fault(action, **fields))


def content_route(hub: Hub, request: Request) -> Answer | Sink:
    """Answer on the second address, and count the tokens that come there."""
    if request.token and not request.path.startswith("/x/verify/"):
        hub.leaked_tokens += 1
    return content.route(hub.context, request)
