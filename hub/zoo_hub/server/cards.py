"""What the Hub reads from a repository's card: its metadata, and the tags derived from it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zoo_hub.card.front_matter import CARD_LIMIT, parse_card
from zoo_hub.server.repo import resolve_revision

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_hub.server.repo import Repo
    from zoo_hub.server.store import Store


def card_of(store: Store, repo: Repo, revision: str = "main") -> dict[str, Any]:
    """Return the metadata of a repository's card at a revision; {} where there is none or it cannot be read."""
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
    """Return the tags by which the Hub searches."""
    tags = [card.get("library_name"), card.get("pipeline_tag"), *_list(card.get("tags"))]
    tags += [f"dataset:{name}" for name in _list(card.get("datasets"))]
    tags += [f"license:{name}" for name in _list(card.get("license"))]
    return list(dict.fromkeys(tag for tag in tags if isinstance(tag, str)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
