"""Limits of recipes, records, configurations, cards and commits."""

from __future__ import annotations

import base64
import json
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.support.handmade import config
from tests.support.hostile.limits.limit import INPUT, LeftOutError, Limit
from tests.support.run_folders import bare_record
from zoo.generators.config_file import config_bytes
from zoo.generators.files import CONFIG, CONFIG_LIMIT, LATENT_LIMIT, SIDE_LIMIT
from zoo.generators.folder import GeneratorFolder
from zoo.recipes.recipe import DOTS_LIMIT, RECIPE_LIMIT, read_recipe
from zoo.recipes.sweep import RUNS_LIMIT
from zoo.runs.record import RECORD_LIMIT, read_record
from zoo.sweeps.record import SWEEP_LIMIT, read_sweep
from zoo_hub.card.front_matter import CARD_LIMIT, DEPTH_LIMIT, FRONT_LIMIT, NODES_LIMIT
from zoo_hub.server.cards import card_of
from zoo_hub.server.commits import DESCRIPTION_LIMIT, TITLE_LIMIT
from zoo_hub.server.hub import LocalHub
from zoo_plugins.recipes import zoo_register_recipes

if TYPE_CHECKING:
    from pathlib import Path

CONFIGURATION, RECIPE, CARD, COMMIT = (
    "`config.json`",
    "a recipe",
    "a model card",
    "a commit to the served Hub",
)
RECORD = "`run.json`"
SWEEP = "`sweep.json`"


def sweep_of_bytes(folder: Path, size: int) -> None:
    """Read a sweep with a text of as many bytes as it takes."""
    _write_sweep(folder, 1, size)
    read_sweep(folder)


def sweep_of_runs(folder: Path, count: int) -> None:
    """Read a sweep of so many runs."""
    _write_sweep(folder, count)
    read_sweep(folder)


def _write_sweep(folder: Path, count: int, size: int = 0) -> None:
    runs = [{"folder": f"seed={number}", "changes": []} for number in range(count)]
    facts = {"format": 1, "recipe": "camel", "started": "now", "runs": runs, "note": ""}
    facts["note"] = "x" * (size - len(json.dumps(facts)))
    (folder / "sweep.json").write_text(json.dumps(facts))


def recipe_of_bytes(folder: Path, size: int) -> None:
    """Read a recipe that ends in a comment of as many bytes as it takes."""
    text = next(path for path in zoo_register_recipes() if path.stem == "camel-gan").read_text()
    (folder / "r.toml").write_text(text + "#" * (size - len(text.encode())))
    read_recipe(folder / "r.toml")


def recipe_of_dots(folder: Path, dots: int) -> None:
    """Read a recipe with a line of so many dots; they may be a number's."""
    text = next(path for path in zoo_register_recipes() if path.stem == "camel-gan").read_text()
    (folder / "r.toml").write_text(text + "\n# " + "." * dots)
    read_recipe(folder / "r.toml")


def config_of_bytes(folder: Path, size: int) -> None:
    """Open a folder whose configuration ends in so many spaces."""
    data = config_bytes(config())
    (folder / CONFIG).write_bytes(data + b" " * (size - len(data)))
    GeneratorFolder.open(folder)


def record_of_bytes(folder: Path, size: int) -> None:
    """Read a record that ends in spaces."""
    text = bare_record("2026-01-01")
    (folder / "run.json").write_text(text + " " * (size - len(text)))
    read_record(folder)


def _config_with(folder: Path, field: str, value: object) -> None:
    (folder / CONFIG).write_text(json.dumps({**json.loads(config_bytes(config())), field: value}))
    GeneratorFolder.open(folder)


def config_of_side(folder: Path, side: int) -> None:
    """Open a folder of a generator of tall pictures."""
    _config_with(folder, "image_shape", [1, side, 2])


def config_of_latents(folder: Path, latents: int) -> None:
    """Open a folder of a generator of so many latents."""
    _config_with(folder, "latent_dim", latents)


def _committed(folder: Path, card: str, header: dict[str, str]) -> dict[str, Any]:
    """Commit a card to a served Hub without its client, which would look at it first; return its metadata there."""
    content = base64.b64encode(card.encode()).decode()
    lines = [
        {"key": "header", "value": {"summary": "a card", **header}},
        {"key": "file", "value": {"path": "README.md", "content": content, "encoding": "base64"}},
    ]
    body = "\n".join(map(json.dumps, lines)).encode()
    with LocalHub(folder / "hub", {"hf_me": "me"}) as hub:
        hub.store.create("models", "me/camel", "me", private=False)
        request = urllib.request.Request(  # of this machine
            f"{hub.url}/api/models/me/camel/commit/main", body,
            {"Authorization": "Bearer hf_me", "Content-Type": "application/x-ndjson"},
        )  # fmt: skip
        with urllib.request.urlopen(request):
            (repo,) = hub.store.every("models")
            return card_of(hub.store, repo)


def _card(folder: Path, text: str) -> None:
    if not _committed(folder, text, {}):
        raise LeftOutError("no metadata")


def card_of_bytes(folder: Path, size: int) -> None:
    """Commit a card with a long text."""
    front = "---\na: b\n---\n"
    _card(folder, front + "x" * (size - len(front)))


def card_of_characters(folder: Path, size: int) -> None:
    """Commit a card with one long value; the YAML has an end of line."""
    _card(folder, f"---\na: {'x' * (size - 4)}\n---\nText")


def card_of_values(folder: Path, count: int) -> None:
    """Commit a card with a long list; a mapping, a key and the list are values too."""
    _card(folder, f"---\na: [{'1,' * (count - 3)}]\n---\nText")


def card_of_depth(folder: Path, depth: int) -> None:
    """Commit a card with lists in lists, in a mapping."""
    _card(folder, f"---\na: {'[' * (depth - 1)}{']' * (depth - 1)}\n---\nText")


def commit_with_title(folder: Path, length: int) -> None:
    """Commit with a long title."""
    _committed(folder, "text", {"summary": "x" * length})


def commit_with_description(folder: Path, length: int) -> None:
    """Commit with a long description."""
    _committed(folder, "text", {"description": "x" * length})


TEXT_LIMITS = (
    Limit(RECIPE, "64 KiB", RECIPE_LIMIT, recipe_of_bytes, "it has 65537 bytes, and at most 65536 are read", INPUT),
    Limit(RECIPE, "100 dots in a line", DOTS_LIMIT, recipe_of_dots, "has 101 dots, and at most 100 are read", INPUT),
    Limit(CONFIGURATION, "1 MiB", CONFIG_LIMIT, config_of_bytes, "it has 1048577 bytes, and at most", INPUT),
    Limit(CONFIGURATION, "sides of 2,048", SIDE_LIMIT, config_of_side, "less than or equal to 2048", INPUT),
    Limit(CONFIGURATION, "4,096 latents", LATENT_LIMIT, config_of_latents, "less than or equal to 4096", INPUT),
    Limit(RECORD, "1 MiB", RECORD_LIMIT, record_of_bytes, "it has 1048577 bytes, and at most 1048576", INPUT),
    Limit(SWEEP, "1 MiB", SWEEP_LIMIT, sweep_of_bytes, "it has 1048577 bytes, and at most 1048576", INPUT),
    Limit(SWEEP, "200 runs", RUNS_LIMIT, sweep_of_runs, "at most 200", INPUT),
    Limit(CARD, "1 MiB", CARD_LIMIT, card_of_bytes, "no metadata"),
    Limit(CARD, "65,536 characters", FRONT_LIMIT, card_of_characters, "no metadata"),
    Limit(CARD, "2,000 values", NODES_LIMIT, card_of_values, "no metadata"),
    Limit(CARD, "32 deep", DEPTH_LIMIT, card_of_depth, "no metadata"),
    Limit(COMMIT, "a title of 1,000 characters", TITLE_LIMIT, commit_with_title, "has at most 1,000 characters", 413),
    Limit(
        COMMIT, "a description of 65,536", DESCRIPTION_LIMIT, commit_with_description,
        "has at most 65,536 characters", 413,
    ),
)  # fmt: skip
