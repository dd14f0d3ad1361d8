"""JSON from strangers, where JSON leaves room: what two readers would read differently is refused."""

from __future__ import annotations

import json
import math
from typing import Any

LOADS_CODE = frozenset({"auto_map", "custom_pipelines", "trust_remote_code"})
"""Keys by which other libraries are made to import a repository's code."""


def check_json(data: bytes) -> None:
    """Refuse what is no JSON, or is ambiguous JSON; says why.

    That is: not UTF-8, nested too deeply, a key twice, NaN or infinite numbers, integers of thousands of digits,
    control characters in text, or a key that stands for code to be loaded.

    Raises:
        ValueError: one clause for people.
    """
    try:
        json.loads(
            data.decode(),
            object_pairs_hook=_pairs,
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


def _pairs(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, value in pairs:
        if key in seen:
            raise ValueError(f"it has {_short(key)} twice")
        if key in LOADS_CODE:
            raise ValueError(f"it has {key!r}, which asks for code to be loaded, and a generator needs none")
        for text in (key, *([value] if isinstance(value, str) else [])):
            if not all(character.isprintable() or character in "\n\t" for character in text):
                raise ValueError(f"{_short(key)} holds a control character")
        seen.add(key)


def _no_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"it holds {text[:20]}, which is no finite number")
    return value


def _int(text: str) -> int:
    if len(text) > 40:
        raise ValueError(f"it holds an integer of {len(text)} digits")
    return int(text)


def _short(key: str) -> str:
    return repr(key[:40])
