"""`zoo list --hub`: generators that others published."""

from __future__ import annotations

import json
from typing import Any

import click


def list_published(owner: str | None, search: str | None, as_json: bool) -> None:
    """Print what plugins find where generators are published."""
    from zoo.plugins.manager import plugins
    from zoo.system.console import say

    rows = [
        dict(row)
        for _, find in plugins().calls("zoo_find_generators")
        for row in find(owner=owner, search=search)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        say("There is none. Publish one with `zoo push OWNER/NAME`")
        return
    titles = list(rows[0])
    lines = [titles, *([_cell(row.get(title)) for title in titles] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    """Return a fact as text: figures as `swd 12.5`, a dash for what nobody says."""
    if isinstance(value, dict):
        value = ", ".join(f"{name} {figure:.4g}" for name, figure in value.items())
    return "-" if value in (None, "") else str(value)
