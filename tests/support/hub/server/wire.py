"""A Hub's answers on which things go wrong as the faults in force say."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo_hub.server.http.app import response
from zoo_hub.server.messages import Answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.support.hub.server.faults import Fault
    from tests.support.hub.server.hub import Hub


@dataclass
class Logged:
    """A request that came, and how it was answered (0: not at all)."""

    host: str
    method: str
    path: str
    user_agent: str
    range: str | None
    fault: str | None
    status: int = 0


class Faulty:
    """An application that keeps a log, and fails to order."""

    def __init__(self, app: ASGIApp, hub: Hub, host: str) -> None:
        self._app, self._hub, self._host = app, hub, host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or do what a fault says."""
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["raw_path"].decode()
        query = scope["query_string"].decode()
        fault = self._hub.faults.pick(scope["method"], f"{path}?{query}" if query else path)
        agent, action = headers.get("user-agent", ""), fault.action if fault else None
        entry = Logged(self._host, scope["method"], path, agent, headers.get("range"), action)
        self._hub.log.append(entry)

        async def note(message: Message) -> None:
            entry.status = message.get("status", entry.status)
            await send(message)

        if fault is None:
            await self._app(scope, receive, note)
        else:
            await self._fail(scope, receive, note, fault, _transport(send))

    async def _fail(
        self, scope: Scope, receive: Receive, send: Send, fault: Fault, transport: asyncio.Transport
    ) -> None:
        if fault.action == "refuse":
            await _cut(transport, receive)
            return
        if fault.action == "slow":
            await asyncio.sleep(fault.delay)
        start, body = await self._answer(scope, receive, fault)
        if fault.action == "lost":
            await _cut(transport, receive)
            return
        if scope["method"] != "HEAD":
            body = fault.change(body)
            start["headers"] = [
                (name, b"%d" % len(body) if name == b"content-length" else value)
                for name, value in start["headers"]
            ]
        await send(start)
        await _send_body(scope, receive, send, fault, body, transport)

    async def _answer(self, scope: Scope, receive: Receive, fault: Fault) -> tuple[Message, bytes]:
        """Return the head and the body of an answer that is not sent yet."""
        sent: list[Message] = []

        async def keep(message: Message) -> None:
            sent.append(message)

        if fault.action == "status":
            answer = Answer({"error": f"injected {fault.status}"}, fault.status, fault.headers)
            await response(answer)(scope, receive, keep)
        else:
            await self._app(scope, receive, keep)
        return sent[0], b"".join(message.get("body", b"") for message in sent[1:])


async def _send_body(
    scope: Scope, receive: Receive, send: Send, fault: Fault, body: bytes, transport: asyncio.Transport
) -> None:
    if fault.action in ("drop", "rst") and scope["method"] != "HEAD":
        await send({"type": "http.response.body", "body": body[: fault.after], "more_body": True})
        await _cut(transport, receive, reset=fault.action == "rst")
        return
    if fault.action == "slow" and fault.rate:
        piece = max(1, fault.rate // 10)
        for start in range(0, len(body), piece):
            part = body[start : start + piece]
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(piece / fault.rate)
        body = b""
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _transport(send: Any) -> asyncio.Transport:
    """Return the connection: uvicorn's `send` is a method of what answers a request on it."""
    transport: asyncio.Transport = send.__self__.transport
    return transport


async def _cut(transport: asyncio.Transport, receive: Receive, *, reset: bool = False) -> None:
    """Hang up once everything is sent, with a reset where that is asked for."""
    if reset:
        # The bytes sent so far must be read before the reset discards them.
        await asyncio.sleep(0.2)
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
