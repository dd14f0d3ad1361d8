"""A port of this machine, and the uvicorn server behind it in a thread of its own."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import uvicorn

from zoo_hub.server.http.connections import BACKLOG, HEAD_LIMIT, IDLE_SECONDS, ClientConnection, keep_order

if TYPE_CHECKING:
    from starlette.types import ASGIApp

STOP_SECONDS = 3
"""How long requests that are being answered may take to end once the Hub stops."""


class Listener:
    """A port that accepts connections at once, and answers them between `start` and `stop`."""

    def __init__(self, host: str, port: int) -> None:
        """Open the port.

        Raises:
            OSError: the port is taken, or the host is none of this machine's.
        """
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host, port))
            self._socket.listen(BACKLOG)
        except OSError:
            self._socket.close()
            raise
        name, number = self._socket.getsockname()[:2]
        self.url = f"http://{f'[{name}]' if ':' in name else name}:{number}"
        """The address without a slash at its end."""
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, app: ASGIApp) -> None:
        """Serve the application in a thread until `stop`."""
        server = uvicorn.Server(self._config(app))
        self._server = server
        self._thread = threading.Thread(target=server.run, args=([self._socket],), daemon=True)
        self._thread.start()

    def _config(self, app: ASGIApp) -> uvicorn.Config:
        async def tick() -> None:
            if self._server is not None:
                keep_order(self._server.server_state.connections)

        return uvicorn.Config(
            app,
            loop="asyncio",
            http=ClientConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            h11_max_incomplete_event_size=HEAD_LIMIT,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            callback_notify=tick,
            timeout_notify=0,
        )

    def ask_to_stop(self) -> None:
        """Accept no more connections, and let requests that are being answered end."""
        if self._server is not None:
            self._server.should_exit = True

    def stop(self) -> None:
        """Stop, and close the port."""
        self.ask_to_stop()
        if self._thread is not None:
            self._thread.join(2 * STOP_SECONDS)
        self._socket.close()
