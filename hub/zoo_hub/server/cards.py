"""What the Hub reads out of a repository's card: the YAML at its top, and the tags that follow from it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from zoo_hub.server.store import resolve_revision

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_hub.server.store import Repo, Store

CARD_LIMIT = 1 << 20
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases: a few lines of them stand for a terabyte."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not taken")
        return super().compose_node(parent, index)


def parse_card(text: str) -> dict[str, Any]:
    """Return a card's metadata; a card without any has none.

    Raises:
        ValueError: it is too long, or what stands at its top is no YAML that names values.
    """
    if len(text) > CARD_LIMIT:
        raise ValueError(f"it is longer than {CARD_LIMIT:,} bytes")
    match = _FRONT.match(text.replace("\r\n", "\n"))
    if match is None:
        return {}
    try:
        data = yaml.load(match[1], Loader=_PlainLoader)
        # Dates and the like become what JSON can say.
        plain = json.loads(json.dumps(data, default=str, allow_nan=False))
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split())[:200]) from error
    if not isinstance(plain, dict):
        raise ValueError("it names no values")
    return plain


def card_of(store: Store, repo: Repo, revision: str = "main") -> dict[str, Any]:
    """Return the metadata of a repository's card at a revision, none where it cannot be read."""
    entry = repo["commits"][resolve_revision(repo, revision)]["tree"].get("README.md")
    if entry is None or entry["size"] > CARD_LIMIT:
        return {}
    return _read(store.path(entry))


@lru_cache(maxsize=256)
def _read(path: Path) -> dict[str, Any]:
    try:
        return parse_card(path.read_text("utf-8"))
    except ValueError:
        return {}


def tags_of(card: dict[str, Any]) -> list[str]:
    """Return the tags that the Hub searches by."""
    tags = [card.get("library_name"), card.get("pipeline_tag"), *_list(card.get("tags"))]
    tags += [f"dataset:{name}" for name in _list(card.get("datasets"))]
    tags += [f"license:{name}" for name in _list(card.get("license"))]
    return list(dict.fromkeys(tag for tag in tags if isinstance(tag, str)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
