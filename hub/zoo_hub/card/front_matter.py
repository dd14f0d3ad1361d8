"""The YAML at the top of a model card: parsed safely, and changed without touching other lines."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from zoo.errors import reason_of

FRONT = re.compile(r"\A---[ \t]*\n((?:.*?\n)??)---[ \t]*(?:\n|\Z)", re.DOTALL)
CARD_LIMIT = 1 << 20
"""Characters of the longest card that is parsed."""
FRONT_LIMIT = 1 << 16
"""Characters of the longest YAML at a card's top that is parsed: the zoo's own have 2,000."""
NODES_LIMIT, DEPTH_LIMIT = 2000, 32
"""Values in it, and how deep they are nested; a reader in Python takes 0.1 ms for each value."""
_KEY = re.compile(r"(?P<key>[^\s#:'\"-][^\s:]*)[ \t]*:(?:[ \t]|$)")


class _PlainLoader(yaml.SafeLoader):
    """YAML of at most `NODES_LIMIT` values without aliases, of which a few nested lines can expand to a terabyte."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not taken")
        self._nodes += 1
        self._depth += 1
        if self._nodes > NODES_LIMIT:
            raise yaml.YAMLError(f"it holds more than {NODES_LIMIT:,} values")
        if self._depth > DEPTH_LIMIT:
            raise yaml.YAMLError(f"it is nested over {DEPTH_LIMIT} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def parse_card(text: str) -> dict[str, Any]:
    """Return a card's metadata as JSON values; {} for a card without any.

    Raises:
        ValueError: it is too long, or the block at its top is no YAML mapping.
    """
    if len(text) > CARD_LIMIT:
        raise ValueError(f"it is longer than {CARD_LIMIT:,} bytes")
    match = FRONT.match(text.replace("\r\n", "\n"))
    if match is None or not match[1].strip():
        return {}
    if len(match[1]) > FRONT_LIMIT:
        raise ValueError(f"its YAML is longer than {FRONT_LIMIT:,} characters")
    try:
        data = yaml.load(match[1], Loader=_PlainLoader)
        plain = json.loads(json.dumps(data, default=str, allow_nan=False))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(reason_of(error)) from error
    if not isinstance(plain, dict):
        raise ValueError("it names no values")
    return plain


def split_card(text: str) -> tuple[str, str]:
    """Return a card's YAML, without the `---` lines around it, and the rest."""
    text = text.replace("\r\n", "\n")
    match = FRONT.match(text)
    return (match[1], text[match.end() :]) if match else ("", text)


def with_values(front: str, values: dict[str, Any]) -> str:
    """Return YAML in which these keys have these values; every other line stays, comments too."""
    blocks = _blocks(front)
    written = {
        key: yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=1000).rstrip("\n")
        for key, value in values.items()
    }
    known = {key for key, _ in blocks}
    lines = [written.get(key, block) for key, block in blocks]
    lines += [block for key, block in written.items() if key not in known]
    return "\n".join(line for line in lines if line)


def without(front: str, keys: frozenset[str]) -> str:
    """Return YAML without these keys."""
    return "\n".join(block for key, block in _blocks(front) if key not in keys)


def _blocks(front: str) -> list[tuple[str, str]]:
    """Return each top-level key with its lines; lines before the first key have the key ''."""
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for line in front.splitlines():
        match = _KEY.match(line)
        if match:
            blocks.append((match["key"], [line]))
        else:
            blocks[-1][1].append(line)
    return [(key, "\n".join(lines)) for key, lines in blocks if lines]
