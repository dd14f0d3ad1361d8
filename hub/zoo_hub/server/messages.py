"""Requests and answers as the routes see them, without sockets and threads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable


Payload = bytes | Path | dict[str, Any] | list[Any]
"""Bytes, a file to send with range support, or something that becomes JSON."""
FIELDS_LIMIT = 100
BODY_LIMIT = 8 << 20
"""Bytes of the largest request that is read into memory."""


@dataclass(frozen=True)
class Answer:
    """What a route returns."""

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
    """A request without its body, which is read only where a route returns a `Sink` for it."""

    method: str
    target: str
    """Path and query as they came."""
    token: str | None
    base: str
    """The address by which the client reached us, without a slash at its end."""

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    @property
    def segments(self) -> list[str]:
        """The parts of the path, unquoted: `/api/models/me/camel` gives four."""
        return [unquote(part) for part in self.path.split("/")[1:]]

    @cached_property
    def queries(self) -> dict[str, list[str]]:
        """The query: every value of each name.

        Raises:
            RefusedError: it has too many.
        """
        try:
            return parse_qs(urlsplit(self.target).query, keep_blank_values=True, max_num_fields=FIELDS_LIMIT)
        except ValueError as error:
            raise RefusedError(400, f"the query has more than {FIELDS_LIMIT} fields") from error

    @property
    def query(self) -> dict[str, str]:
        """The query; the last value of each name."""
        return {name: values[-1] for name, values in self.queries.items()}

    def flag(self, name: str) -> bool:
        """Whether the query switches `name` on."""
        return self.query.get(name, "false").lower() in ("1", "true")


class Sink(Protocol):
    """Where a request's body goes: what a route returns that cannot answer without it.

    So a request that is refused takes no memory, and one whose body comes slowly holds no thread.
    """

    def write(self, piece: bytes) -> None:
        """Take the next bytes, or refuse."""

    def finish(self) -> Answer:
        """Answer, once the body is whole."""

    def close(self) -> None:
        """Drop what was taken, if `finish` did not use it; called in any case."""


class Body:
    """A body that is kept in memory until somebody answers."""

    def __init__(self, answer: Callable[[bytes], Answer], limit: int = BODY_LIMIT) -> None:
        self._answer, self._limit = answer, limit
        self._taken = bytearray()

    def write(self, piece: bytes) -> None:
        """Keep a piece.

        Raises:
            RefusedError: the body has more than `limit` bytes.
        """
        self._taken += piece
        if len(self._taken) > self._limit:
            raise RefusedError(413, f"the request is longer than {self._limit:,} bytes")

    def finish(self) -> Answer:
        """Answer to the whole body."""
        return self._answer(bytes(self._taken))

    def close(self) -> None:
        """Drop nothing: it goes with this object."""


def json_body(answer: Callable[[dict[str, Any]], Answer]) -> Body:
    """Return a sink for a JSON object; an empty body counts as {}."""
    return Body(lambda data: answer(parse_object(data or b"{}")))


def parse_object(data: bytes) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        RefusedError: it is none.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "the body is no JSON") from error
    if not isinstance(value, dict):
        raise RefusedError(400, "the body is no JSON object")
    return value


def text_of(fields: dict[str, Any], name: str, default: str | None = None) -> str:
    """Return a field that must be a text.

    Raises:
        RefusedError: it is none, or it is missing and has no default.
    """
    value = fields.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise RefusedError(400, f"the field {name!r} is missing or no text")
    return value


def page_of(request: Request, kind: str, repo_id: str) -> str:
    """Return a repository's address."""
    return f"{request.base}/{'' if kind == 'models' else kind + '/'}{repo_id}"


def objects(value: Any) -> list[dict[str, Any]]:
    """Return a list of JSON objects, or refuse."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RefusedError(400, "a list of objects is missing")
    return value


def whole_number(fields: dict[str, Any], name: str) -> int:
    """Return a field that must be a count, or refuse."""
    value = fields.get(name)
    if type(value) is not int or value < 0:
        raise RefusedError(400, f"the field {name!r} is missing or no count")
    return value
