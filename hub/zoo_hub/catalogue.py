"""Generators on the Hub: the list of them, and the description of one without downloading its weights.

Text from the Hub is a stranger's: it is only printed, without the control characters that a terminal would obey.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from zoo.__about__ import DISTRIBUTION
from zoo.errors import IntegrityError
from zoo.generators.files import CONFIG
from zoo.generators.folder import GeneratorFolder
from zoo.system.console import say
from zoo.system.terminal import only_printable
from zoo_hub.client.errors import MALFORMED, hub_errors, is_unreachable, malformed_answer, root_cause
from zoo_hub.client.retry import client, download, headers, retrying
from zoo_hub.client.watch import Watch, endpoint
from zoo_hub.repository.integrity import mismatch
from zoo_hub.repository.listing import Listing, fetch_listing
from zoo_hub.repository.snapshots import cached_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

    from zoo_hub.names import HubName

ROWS_LIMIT = 200
"""Generators in one list."""
TEXT_LIMIT = 300
"""Characters of a text from the Hub that are printed."""
PROTOCOL_LIMIT = 1000
"""Characters of what a card says of how a figure was measured; of a longer text nothing is taken."""
_SIZE = re.compile(r"\d{1,4}x\d{1,4}")


def find(owner: str | None, search: str | None) -> list[dict[str, Any]]:
    """Return the generators on the Hub that carry the library's tag, the newest first.

    Raises:
        NetworkError: the Hub did not answer, or not as a Hub does.
    """
    who = owner or "the Hub"
    with hub_errors(who):
        try:
            rows = [
                row(info)
                for info in retrying(partial(_listed, owner, search), Watch(who, "the list of generators"))
            ]
        except MALFORMED as error:
            raise malformed_answer(who, type(error).__name__) from error
    if len(rows) == ROWS_LIMIT:
        say(f"These are the first {ROWS_LIMIT}. Say more with OWNER or --search")
    return rows


def _listed(owner: str | None, search: str | None) -> list[ModelInfo]:
    """Return one page of the Hub's list. The client's own `list_models` tries again for a minute, whatever we say."""
    from huggingface_hub import ModelInfo, get_session
    from huggingface_hub.utils._http import hf_raise_for_status

    asked = {"author": owner, "search": search, "filter": DISTRIBUTION, "full": "true", "cardData": "true"}
    response = get_session().get(
        f"{endpoint()}/api/models",
        params={**{key: value for key, value in asked.items() if value}, "limit": ROWS_LIMIT},
        headers=headers(),
    )
    hf_raise_for_status(response)
    made: Callable[..., ModelInfo] = ModelInfo
    return [made(**{"siblings": None, **item}) for item in response.json()[:ROWS_LIMIT]]


def row(info: ModelInfo) -> dict[str, Any]:
    """Return the facts about a generator that make up a row of the list."""
    tags = [tag for tag in info.tags or [] if isinstance(tag, str)]
    facts: dict[str, Any] = printable(
        {
            "name": info.id,
            "pictures": next((tag for tag in tags if _SIZE.fullmatch(tag)), None),
            "downloads": info.downloads if type(info.downloads) is int else None,
            "licence": info.card_data.get("license") if info.card_data else None,
        }
    )
    return {**facts, "figures": _figures(info)}


def _figures(info: ModelInfo) -> list[dict[str, Any]]:
    """Return the figures that the card claims, and how each was measured as far as the card says."""
    found = []
    for result in (info.card_data.eval_results if info.card_data else None) or []:
        if type(result.metric_value) not in (int, float):
            continue
        how = result.metric_args if isinstance(result.metric_args, dict) else {}
        found.append(
            {
                "metric": printable(str(result.metric_type)),
                "value": result.metric_value,
                "protocol": _text(how.get("protocol")),
                "images": printable(str(result.dataset_name)),
                "fingerprint": _text(how.get("fingerprint")),
                "higher_is_better": how.get("higher_is_better") is True
                if "higher_is_better" in how
                else None,
            }
        )
    return found


def _text(value: Any) -> str | None:
    """Return a text that can be taken whole, freed of control characters: two that are cut could differ in the rest."""
    whole = isinstance(value, str) and len(value) <= PROTOCOL_LIMIT
    return printable(value, PROTOCOL_LIMIT) if whole else None


def describe(hub: HubName) -> dict[str, Any]:
    """Return the facts about a generator on the Hub: its configuration, the card's metadata, the sizes of its files.

    Raises:
        InputError: it is no generator of a zoo.
        IntegrityError: `config.json` is not what the Hub says.
        NetworkError: the Hub did not give it, and the cache has none.
    """
    api, before = client(), cached_snapshot(hub.repo, hub.revision)
    with hub_errors(hub.repo, hub.revision):
        try:
            listing = fetch_listing(api, hub.repo, hub.revision, quick=before is not None)
            facts = {**_hub_facts(api, hub, listing), **_config(_download_config(api, listing))}
        except Exception as error:
            if before is None or not is_unreachable(root_cause(error)):
                raise
            say(f"{hub.repo}: the Hub cannot be reached; this is the cached copy")
            facts = {"generator": hub.repo, "commit": before.commit, **_config(before.folder)}
    shown: dict[str, Any] = printable(facts)
    return shown


def _hub_facts(api: HfApi, hub: HubName, listing: Listing) -> dict[str, Any]:
    """Return what the Hub itself says of a generator."""
    watch = Watch(hub.repo, "what the Hub says of it")
    try:
        info = retrying(partial(api.model_info, hub.repo, revision=listing.commit), watch)
        known = row(info)
    except MALFORMED as error:
        raise malformed_answer(hub.repo, type(error).__name__) from error
    return {
        "generator": hub.repo,
        "address": f"{endpoint()}/{hub.repo}",
        "commit": listing.commit,
        "private": bool(info.private),
        "downloads": known["downloads"],
        "licence": known["licence"],
        "tags": info.tags or [],
        "bytes": {name: file.size for name, file in sorted(listing.files.items())},
    }


def _download_config(api: HfApi, listing: Listing) -> Path:
    """Return the folder in the cache that holds the configuration, which is downloaded if it is missing."""
    file = listing.files[CONFIG]
    watch = Watch(listing.repo, CONFIG, limit=file.size, etag=file.digest, commit=listing.commit)
    path = download(api, watch)
    wrong = mismatch(path, file.digest)
    if wrong:
        raise IntegrityError(
            f"{listing.repo}: {CONFIG}: {wrong}. Run `zoo pull {listing.repo}` to get it again"
        )
    return path.parent


def _config(folder: Path) -> dict[str, Any]:
    return GeneratorFolder.open(folder).config.model_dump(mode="json")


def printable(value: Any, limit: int = TEXT_LIMIT) -> Any:
    """Return a value with every text in it shortened to `limit` characters and freed of control characters."""
    if isinstance(value, str):
        return only_printable(value[:limit], " ").strip()
    if isinstance(value, dict):
        return {printable(key): printable(inner, limit) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [printable(inner, limit) for inner in value]
    return value
