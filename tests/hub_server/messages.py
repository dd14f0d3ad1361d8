"""A request and its answer, as the routes see them: no sockets, no threads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Payload = bytes | Path | dict[str, Any] | list[Any]
"""Bytes, a file to send with range support, or something that becomes JSON."""


@dataclass(frozen=True)
class Answer:
    """What a route gives back."""

    payload: Payload
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """An error answer, with the X-Error-Code and X-Error-Message headers that the client reads."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {})}
        self.headers.update({name.replace("_", "-"): value for name, value in headers.items()})

    def answer(self) -> Answer:
        """Return the refusal as an answer."""
        return Answer({"error": self.message}, self.status, self.headers)


@dataclass(frozen=True)
class Request:
    """A request with its body already read."""

    method: str
    target: str
    """Path and query as they came."""
    token: str | None
    body: bytes

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    @property
    def segments(self) -> list[str]:
        """The parts of the path, unquoted: `/api/models/me/camel` gives four."""
        return [unquote(part) for part in self.path.split("/")[1:]]

    @property
    def query(self) -> dict[str, str]:
        """The query; the last value of each name."""
        query = urlsplit(self.target).query
        return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}

    def flag(self, name: str) -> bool:
        """Whether the query switches `name` on."""
        return self.query.get(name, "false").lower() in ("1", "true")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        value = json.loads(self.body or b"{}")
        if not isinstance(value, dict):
            raise RefusedError(400, "the body must be a JSON object")
        return value
