"""The local Hub: its HTTP server and its store, run together."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from zoo_hub.server import routes
from zoo_hub.server.access import Access
from zoo_hub.server.context import Context
from zoo_hub.server.store import Store
from zoo_hub.server.wire import Handler, Server

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_hub.server.messages import Answer, Request


class LocalHub:
    """A Hub that runs while its `with` block does.

    with LocalHub(folder, {"hf_me": "me"}) as hub:
        ...  # with HF_ENDPOINT=hub.url in the client's environment
    """

    def __init__(self, root: Path, users: dict[str, str], port: int = 0, host: str = "127.0.0.1") -> None:
        """Open the port and the store; `users` maps tokens to names.

        Raises:
            OSError: the port is taken, or the host is no address of this machine.
            BusyError: another process serves the folder.
            ResourceError: the folder cannot be written.
        """
        self.server = Server(self._answer, host, port, self.handler())
        try:
            self.store = Store(root)
        except BaseException:
            self.server.server_close()
            raise
        self.context = self.make_context(users)

    def make_context(self, users: dict[str, str]) -> Context:
        """Return the context that every route is given."""
        return Context(self.store, Access(self.store, users))

    def _answer(self, request: Request) -> Answer:
        return routes.route(self.context, request)

    @property
    def url(self) -> str:
        """The address, for HF_ENDPOINT."""
        return self.server.url

    def handler(self) -> type[Handler]:
        """Return the class that serves a connection."""
        return Handler

    def servers(self) -> list[Server]:
        """Return every server, one for each address."""
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
