"""The page of a comparison: one file that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zoo.errors import quoted, rounded
from zoo.reports.comparison.compare import COSTS, Comparison, figure_text, summary
from zoo.reports.comparison.plots import ROWS_LIMIT, comparison_plots
from zoo.reports.comparison.rows import differing, value_text
from zoo.reports.pictures import data_url
from zoo.reports.template import render
from zoo.system.atomic import write_atomic
from zoo.system.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from zoo.reports.comparison.entry import Entry
    from zoo.reports.comparison.rows import Row

TEXT_LIMIT = 1000
"""Characters of a text from outside."""
STRIPS_TOTAL = 3 << 20
"""Bytes of all pictures."""
DIFFERING_LIMIT = 60
"""Fields in which recipes differ that are shown."""


class Strip(NamedTuple):
    """Pictures of one generator."""

    caption: str
    url: str


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page.

    Raises:
        ResourceError: the disk refuses the file.
    """
    write_atomic(path, page(comparison).encode("utf-8", "backslashreplace"))


def page(comparison: Comparison) -> str:
    """Return the page. Everything from outside is escaped, and nothing of it is a script."""
    rows = comparison.rows
    names = [_short(row.label) for row in rows]
    return render(
        "compare",
        name="Comparison",
        about=summary(rows),
        headings=[(_short(heading), measure.better) for measure, heading in comparison.measures.items()],
        figures=[
            (
                name,
                row.seeds,
                row.state,
                [
                    (
                        figure_text(figure),
                        [rounded(value) for value in figure.values] if len(row.entries) > 1 else [],
                    )
                    if (figure := row.figures.get(measure)) is not None
                    else ("", [])
                    for measure in comparison.measures
                ],
            )
            for name, row in zip(names, rows, strict=True)
        ],
        costs=COSTS,
        paid=[
            (name, comparison.costs(row), _short(row.first(lambda entry: entry.hardware) or ""))
            for name, row in zip(names, rows, strict=True)
        ],
        notes=[_short(note) for note in comparison.notes()],
        plots=comparison_plots(rows),
        drawn="" if len(rows) <= ROWS_LIMIT else f"The first {ROWS_LIMIT} rows are drawn.",
        strips=list(_strips(rows)),
        latents=_latents(rows),
        differing=[
            (_short(key), [_short("" if value is None else value_text(value)) for value in values])
            for key, values in list(differing(rows).items())[:DIFFERING_LIMIT]
        ],
        commands=[
            f"zoo report {quoted(entry.name)}" for row in rows for entry in row.entries if entry.kind == "run"
        ],
    )


def _strips(rows: Sequence[Row]) -> Iterator[Strip]:
    """Yield the pictures of each row's first run, then, as far as there is room, those of the others, in order."""
    total = 0
    chosen: dict[tuple[int, int], Strip] = {}
    places = [(index, number) for index, row in enumerate(rows) for number in range(len(row.entries))]
    for index, number in sorted(places, key=lambda place: (place[1], place[0])):
        entry = rows[index].entries[number]
        if entry.strip is None:
            continue
        url = data_url(entry.strip)
        if total + len(url) <= STRIPS_TOTAL:
            total += len(url)
            chosen[index, number] = Strip(_caption(index, rows[index], entry), url)
    yield from (strip for _, strip in sorted(chosen.items()))


def _caption(index: int, row: Row, entry: Entry) -> str:
    seed = f", seed {entry.seed}" if entry.seed is not None and len(row.entries) > 1 else ""
    return f"{index + 1}. {_short(row.label)}{seed}"


def _latents(rows: Sequence[Row]) -> str:
    """Say where pictures one above the other are not of the same latents."""
    dims = {entry.latent_dim for row in rows for entry in row.entries if entry.latent_dim is not None}
    if len(dims) < 2:
        return ""
    told = ", ".join(map(str, sorted(dims)))
    return f"These generators take latents of different sizes ({told}): only those of one size share their latents."


def _short(text: str) -> str:
    return one_line(text[:TEXT_LIMIT])
