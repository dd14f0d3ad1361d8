"""The local Hub: its HTTP server and its store, run together."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Self

from zoo_hub.server import routes
from zoo_hub.server.access import Access
from zoo_hub.server.context import Context
from zoo_hub.server.http.app import App
from zoo_hub.server.http.connections import allow_connections
from zoo_hub.server.http.listener import Listener
from zoo_hub.server.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp


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
        self.listener = Listener(host, port)
        try:
            self.store = Store(root)
        except BaseException:
            self.listener.stop()
            raise
        self.context = self.make_context(users)

    def make_context(self, users: dict[str, str]) -> Context:
        """Return the context that every route is given."""
        return Context(self.store, Access(self.store, users))

    @property
    def url(self) -> str:
        """The address, for HF_ENDPOINT."""
        return self.listener.url

    def applications(self) -> dict[Listener, ASGIApp]:
        """Return what each address answers with."""
        return {self.listener: App(partial(routes.route, self.context), self.url)}

    def __enter__(self) -> Self:
        allow_connections()
        self._running = self.applications()
        for listener, app in self._running.items():
            listener.start(app)
        return self

    def __exit__(self, *_: object) -> None:
        for listener in self._running:
            listener.ask_to_stop()
        for listener in self._running:
            listener.stop()
        self.store.close()
