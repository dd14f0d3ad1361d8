"""`zoo list`: what there is here, and what is published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.arguments import NAME
from zoo.cli.output import json_option, print_columns, print_table
from zoo.errors import counted, rounded
from zoo.generators.measures import (
    Measure,
    bounded,
    by_own_measure,
    columns,
    direction,
    figures_of,
    own_measure,
)
from zoo.plugins.describe import first_line
from zoo.system.console import say
from zoo.system.terminal import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from zoo.generators.config import GeneratorConfig
    from zoo.generators.folder import GeneratorFolder
    from zoo.plugins.registry import Entry


FIGURES = "figures"
"""What a published generator says of its quality."""
COLUMNS_LIMIT = 6
"""Of figures."""


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
    from zoo.generators.folder import GeneratorFolder
    from zoo.plugins.collect import load_registry
    from zoo.plugins.registry import KINDS
    from zoo.runs.folder import is_run
    from zoo.runs.lock import RUNS

    registry = load_registry()
    components = {kind: {name: _summary(e) for name, e in registry.entries(kind).items()} for kind in KINDS}
    recipes = {name: _recipe_summary(entry.path) for name, entry in registry.recipes().items()}
    folders = {name: GeneratorFolder.open(path) for name, path in bundled_generators().items()}
    generators = {name: _generator_summary(folder) for name, folder in folders.items()}
    runs = [str(path) for path in sorted(RUNS.glob("*")) if is_run(path)]
    if as_json:
        found = {"recipes": recipes, "generators": generators, "components": components, "runs": runs}
        echo_json(found)
        return
    print_table("recipes", recipes.items())
    for measure, names in by_own_measure({name: folder.config for name, folder in folders.items()}).items():
        how = "" if measure is None else f", measured on {measure.data}"
        print_table(
            f"pretrained generators (zoo generate NAME){how}", ((name, generators[name]) for name in names)
        )
    for kind, members in components.items():
        print_table(kind, members.items())
    print_table("runs here", ((run, "") for run in runs))


def _summary(entry: Entry) -> str:
    return first_line(entry.component)


def _generator_summary(folder: GeneratorFolder) -> str:
    from zoo.images import describe_shape

    config = folder.config
    look = describe_shape(config.image_shape)
    trained = f"{counted(config.training.step, 'step')} on {counted(config.data.images, 'image')}"
    return f"{look}, {trained}{_own_figure(config)}, {folder.size / 1e6:.1f} MB"


def _own_figure(config: GeneratorConfig) -> str:
    own = own_measure(config)
    value = None if own is None else figures_of(config).get(own)
    if own is None or value is None:
        return ""
    which = direction(own.higher_is_better)
    return f", {own.metric} {rounded(value)}{f' ({which})' if which else ''}"


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
    _print_rows(rows)


def _print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a line for each generator with its first figure, in a column of those measured in the same way."""
    claimed = [_claimed(row) for row in rows]
    figures = [dict([pair for pair in found if pair[0].known][:1]) for found in claimed]
    found = columns(figures, COLUMNS_LIMIT)
    titles = [title for title in dict.fromkeys(key for row in rows for key in row) if title != FIGURES]
    table = [(*titles, *found.headings.values())]
    if found.headings:
        table.append((*("better" if title == "name" else "" for title in titles), *found.directions))
    for row, own in zip(rows, figures, strict=True):
        cells = (rounded(own[measure]) if measure in own else "-" for measure in found.headings)
        table.append((*(_cell(row.get(title)) for title in titles), *cells))
    print_columns(table)
    for note in found.notes():
        echo(note)
    shown = sum(measure in found.headings for own in figures for measure in own)
    left_out = sum(map(len, claimed)) - shown
    if left_out:
        say(
            f"{counted(left_out, 'figure')} left out: a generator's further ones, those measured in more ways than "
            "there is room for, or nobody said how. `zoo info OWNER/NAME` shows them"
        )


def _claimed(row: Mapping[str, Any]) -> list[tuple[Measure, float]]:
    """Return the figures that a plugin gives of a generator."""
    given = row.get(FIGURES)
    return [
        (_measure(figure), float(figure["value"]))
        for figure in (given if isinstance(given, (list, tuple)) else ())
        if isinstance(figure, Mapping)
        and type(figure.get("value")) in (int, float)
        and bounded(figure["value"]) is not None
    ]


def _measure(figure: Mapping[str, Any]) -> Measure:
    names = ("metric", "protocol", "images", "fingerprint")
    metric, protocol, images, fingerprint = (str(figure.get(name) or "") for name in names)
    higher = figure.get("higher_is_better")
    return Measure(metric, protocol, images, fingerprint, higher if isinstance(higher, bool) else None)


def _rows(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(row) for row in found]


def _cell(value: Any) -> str:
    """Return a fact as text: a dash for what nobody says."""
    return "-" if value in (None, "") else str(value)
