"""`zoo list`: what there is here, and what is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from zoo.cli.arguments import NAME
from zoo.cli.output import json_option, print_columns, print_table
from zoo.errors import counted, rounded
from zoo.plugins.describe import first_line
from zoo.system.terminal import echo_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from zoo.plugins.registry import Entry


@click.command("list", short_help="List recipes, generators, components and runs.")
@click.argument("owner", required=False, type=NAME)
@click.option("--hub", is_flag=True, help="List published generators instead, of OWNER or of everybody.")
@click.option("--search", type=NAME, metavar="WORDS", help="With --hub: whose names hold these words.")
@json_option
def list_(owner: str | None, hub: bool, search: str | None, as_json: bool) -> None:
    """List the recipes, the pretrained generators, the components, and the runs here; or what is published."""
    if hub:
        _list_published(owner, search, as_json)
        return
    if owner or search:
        raise click.UsageError("OWNER and --search go with --hub")
    from zoo.generators.bundled import bundled_generators
    from zoo.plugins.collect import load_registry
    from zoo.plugins.registry import KINDS
    from zoo.runs.folder import is_run
    from zoo.runs.lock import RUNS

    registry = load_registry()
    components = {kind: {name: _summary(e) for name, e in registry.entries(kind).items()} for kind in KINDS}
    recipes = {name: _recipe_summary(entry.path) for name, entry in registry.recipes().items()}
    generators = {name: _generator_summary(folder) for name, folder in bundled_generators().items()}
    runs = [str(path) for path in sorted(RUNS.glob("*")) if is_run(path)]
    if as_json:
        found = {"recipes": recipes, "generators": generators, "components": components, "runs": runs}
        echo_json(found)
        return
    print_table("recipes", recipes.items())
    print_table("pretrained generators (zoo generate NAME)", generators.items())
    for kind, members in components.items():
        print_table(kind, members.items())
    print_table("runs here", ((run, "") for run in runs))


def _summary(entry: Entry) -> str:
    return first_line(entry.component)


def _generator_summary(path: Path) -> str:
    from zoo.generators.folder import GeneratorFolder
    from zoo.images import describe_shape

    folder = GeneratorFolder.open(path)
    config = folder.config
    training = config.training
    figure = "" if training.value is None else f", {training.metric} {rounded(training.value)}"
    look = describe_shape(config.image_shape)
    trained = f"{counted(training.step, 'step')} on {counted(config.data.images, 'image')}"
    return f"{look}, {trained}{figure}, {folder.size / 1e6:.1f} MB"


def _recipe_summary(path: Path) -> str:
    from zoo.errors import InputError
    from zoo.recipes.recipe import read_table

    try:
        return str(read_table(path).get("summary", ""))
    except InputError as error:
        return f"({error})"


def _list_published(owner: str | None, search: str | None, as_json: bool) -> None:
    """Print what plugins find where generators are published."""
    from zoo.plugins.manager import plugins
    from zoo.system.console import say

    rows = [
        row
        for rows in plugins().call("zoo_find_generators", _rows, owner=owner, search=search)
        for row in rows
    ]
    if as_json:
        echo_json(rows)
        return
    if not rows:
        say("There is none. Publish one with `zoo push OWNER/NAME`")
        return
    titles = list(rows[0])
    print_columns([titles, *([_cell(row.get(title)) for title in titles] for row in rows)])


def _rows(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(row) for row in found]


def _cell(value: Any) -> str:
    """Return a fact as text: figures as `swd 12.5`, a dash for what nobody says."""
    if isinstance(value, dict):
        value = ", ".join(f"{name} {rounded(figure)}" for name, figure in value.items())
    return "-" if value in (None, "") else str(value)
