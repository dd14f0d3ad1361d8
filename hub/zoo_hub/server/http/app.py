"""The ASGI application: from an HTTP request to a route, and from its answer to an HTTP response.

Routes and the store block, so they run in threads. A client's bytes are awaited without one: however many clients are
slow, threads are left for the others.
"""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import FileResponse, Response

from zoo.errors import ResourceError
from zoo.system.console import warn
from zoo.system.terminal import only_printable
from zoo_hub.server.messages import Answer, RefusedError, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from zoo_hub.server.messages import Sink

    Route = Callable[[Request], Answer | Sink]

READING_THREADS, WRITING_THREADS = 16, 16
"""Commits wait for each other; readers have threads that no commit takes."""
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?")
Result = TypeVar("Result")


class App:
    """A Hub as an ASGI application."""

    def __init__(self, route: Route, url: str) -> None:
        """Answer with `route`; `url` is the address where a request names none."""
        self._route, self._url = route, url
        self._readers, self._writers = CapacityLimiter(READING_THREADS), CapacityLimiter(WRITING_THREADS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        http = HttpRequest(scope, receive)
        request = self._request(http)
        try:
            answer = await self._answer(request, http)
            await response(answer)(scope, receive, send)
        except ClientDisconnect:
            pass
        except Exception as error:
            warn(f"{request.method} {request.path!r:.200}: {type(error).__name__}: {error}")
            raise

    def _request(self, http: HttpRequest) -> Request:
        target = http.scope["raw_path"].decode("latin-1")
        if http.scope["query_string"]:
            target += "?" + http.scope["query_string"].decode("latin-1")
        authorization, host = http.headers.get("Authorization"), http.headers.get("Host", "")
        token = authorization.removeprefix("Bearer ").strip() if authorization else None
        return Request(http.method, target, token, f"http://{host}" if _HOST.fullmatch(host) else self._url)

    async def _answer(self, request: Request, http: HttpRequest) -> Answer:
        """Return the route's answer, or an error's."""
        try:
            reply = await to_thread.run_sync(self._route, request, limiter=self._readers)
            return reply if isinstance(reply, Answer) else await self._fill(reply, http)
        except RefusedError as error:
            return error.answer()
        except ResourceError as error:
            warn(str(error))
            return RefusedError(507, "the disk of this Hub is full or cannot be written").answer()
        except ClientDisconnect:
            raise
        except Exception as error:
            warn(f"{request.method} {request.path!r:.200}: {type(error).__name__}: {error}")
            return RefusedError(500, "this Hub failed over the request").answer()

    async def _fill(self, sink: Sink, http: HttpRequest) -> Answer:
        """Pass the body on as it comes."""
        try:
            async for piece in http.stream():
                await to_thread.run_sync(sink.write, piece, limiter=self._writers)
            return await to_thread.run_sync(sink.finish, limiter=self._writers)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(sink.close, limiter=self._writers)


def response(answer: Answer) -> Response:
    """Return an answer as a response; a file's has the range that is asked for."""
    own = {"X-Request-Id": uuid.uuid4().hex, "X-Content-Type-Options": "nosniff"}
    headers = {name: _one_line(value) for name, value in {**own, **answer.headers}.items()}
    if isinstance(answer.payload, Path):
        return FileResponse(answer.payload, answer.status, headers, media_type="application/octet-stream")
    if isinstance(answer.payload, bytes):
        return Response(answer.payload, answer.status, headers)
    body = json.dumps(answer.payload).encode()
    return Response(body, answer.status, headers, media_type="application/json; charset=utf-8")


def _one_line(value: str) -> str:
    """Return a header's value: one line of ASCII, whatever it quotes."""
    line = " ".join(value.split()).encode("ascii", "replace").decode()
    return only_printable(line, "?")
