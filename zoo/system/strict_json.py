"""JSON that somebody else may have written: what two readers would read differently is refused, and so is what is odd.

Errors are ValueErrors whose text is one clause for people.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

LOADS_CODE = frozenset({"auto_map", "custom_pipelines", "trust_remote_code"})
"""Keys by which other libraries are made to import a repository's code."""
DEPTH_LIMIT = 100
DIGITS_LIMIT = 40
"""Of an integer: Python reads one of a million digits, slowly."""
COMMAS_LIMIT = 1_000_000
"""Of them and of brackets, since each may begin a value, which takes up to 100 bytes in memory."""
LINE_LIMIT = 1 << 16
"""Bytes of a line, where a file has an object in each."""


def parse_json(data: bytes) -> Any:
    """Return the value that JSON stands for.

    Raises:
        ValueError: it is no JSON or not UTF-8, is nested too deeply, holds too many values, or has a key twice, NaN or
            infinite numbers, integers of many digits, or half of a character.
    """
    if sum(map(data.count, (b",", b"[", b"{"))) > COMMAS_LIMIT:
        raise ValueError(f"it holds more than {COMMAS_LIMIT:,} values")
    try:
        value = json.loads(
            data.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_int,
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from None
    for name, text in _texts(value):
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError(f"{_short(name)} holds half of a character")
    return value


def parse_object(data: bytes) -> dict[str, Any]:
    """Return the JSON object that the bytes are; raises ValueError as `parse_json` does."""
    value = parse_json(data)
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    return value


def objects_in_lines(
    file: IO[bytes], limit: int = LINE_LIMIT, *, lines: int | None = None, size: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a file that has one a line; what is none is passed over.

    A killed process may have left half a line, and a stranger anything: of a line at most `limit` bytes are read, and
    what follows is taken for the next. Of the file `lines` lines at most are read, and to within a line `size` bytes.
    """
    left, rest = math.inf if lines is None else lines, math.inf if size is None else size
    while left > 0 and rest > 0 and (line := file.readline(limit)):
        left, rest = left - 1, rest - len(line)
        with suppress(ValueError):
            yield parse_object(line)


def check_json(data: bytes) -> Any:
    """Return the value that JSON stands for, where it holds nothing that a file that is shown to people needs not.

    Raises:
        ValueError: `parse_json` refuses it, text holds control characters, or a key stands for code to be loaded.
    """
    value = parse_json(data)
    for name, text in _texts(value):
        if text in LOADS_CODE and name == text:
            raise ValueError(f"it has {text!r}, which asks for code to be loaded, and a generator needs none")
        if not all(character.isprintable() or character in "\n\t" for character in text):
            raise ValueError(f"{_short(name)} holds a control character")
    return value


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    """Yield every text and the key that it stands under, and each key under itself.

    Raises:
        ValueError: it is nested too deeply.
    """
    level = [("", value)]
    for _ in range(DEPTH_LIMIT):
        inner: list[tuple[str, Any]] = []
        for name, one in level:
            if isinstance(one, str):
                yield name, one
            elif isinstance(one, dict):
                yield from ((key, key) for key in one)
                inner += one.items()
            elif isinstance(one, list):
                inner += ((name, entry) for entry in one)
        level = inner
        if not level:
            return
    raise ValueError("it is nested too deeply")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"it has {_short(twice)} twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds {text[:20]}, which is no finite number")
    return value


def _int(text: str) -> int:
    if len(text) > DIGITS_LIMIT:
        raise ValueError(f"it holds an integer of {len(text)} digits")
    return int(text)


def _short(key: str) -> str:
    return repr(key[:40])
