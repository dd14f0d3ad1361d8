"""How commands print facts: as JSON, or as a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from zoo.system.terminal import echo, escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def plain(value: Any) -> str:
    """Return a fact as text: words as they are, the rest as JSON."""
    return (
        json.dumps(value, ensure_ascii=False)
        if isinstance(value, (dict, list, bool)) or value is None
        else str(value)
    )


def print_table(title: str, rows: Iterable[tuple[str, str]]) -> None:
    """Print names and what is said of each, below a title; nothing where there are none."""
    lines = [f"  {escape(name):30} {text}".rstrip() for name, text in rows]
    for line in [title, *lines] if lines else []:
        echo(line)


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print rows, the titles first, each column as wide as its widest cell."""
    cells = [[escape(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
