"""A comparison as a whole: what was found, as a table and as JSON. Imports neither torch nor matplotlib."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoo.errors import by_reason, counted, rounded, some
from zoo.pace.speed import in_words
from zoo.reports.comparison.entries import read_entries
from zoo.reports.comparison.latency import measure_latency
from zoo.reports.comparison.rows import columns_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.errors import ZooError
    from zoo.generators.measures import Columns, Measure
    from zoo.reports.comparison.entry import Entry
    from zoo.reports.comparison.generators import Load
    from zoo.reports.comparison.rows import Figure, Row

NOTHING = "-"


@dataclass(frozen=True)
class Comparison:
    """Runs and generators side by side; runs that differ only in their seed are one row.

    Attributes:
        rows: in the order in which they were named.
        errors: why some names could not be read; each is a row with its problem too.
        latency: milliseconds for one picture, by the label of its row; empty where nobody asked.
    """

    rows: tuple[Row, ...]
    errors: tuple[ZooError, ...] = ()
    latency: Mapping[str, float] | None = None

    @cached_property
    def columns(self) -> Columns:
        """Those of the figures."""
        return columns_of(self.rows)

    @property
    def measures(self) -> Mapping[Measure, str]:
        """How figures were measured, and the heading of each."""
        return self.columns.headings

    def table(self) -> list[tuple[str, ...]]:
        """Return the headings, below them which direction of a figure is better, then each row's cells, as text."""
        measures = self.measures
        directions = ("better", "", "", *self.columns.directions, *("" for _ in COSTS))
        return [
            ("name", "seeds", "state", *measures.values(), *COSTS),
            *([directions] if measures else []),
            *(
                (
                    row.label,
                    row.seeds or NOTHING,
                    row.state or NOTHING,
                    *(figure_text(row.figures.get(measure)) for measure in measures),
                    *self.costs(row),
                )
                for row in self.rows
            ),
        ]

    def costs(self, row: Row) -> tuple[str, ...]:
        """Return what a row costs, as text, in the order of `COSTS`."""
        seconds, speed = (
            row.mean(lambda entry: entry.seconds),
            row.mean(lambda entry: entry.images_per_second),
        )
        size = row.first(lambda entry: entry.onnx_bytes)
        latency = (self.latency or {}).get(row.label)
        return (
            NOTHING if seconds is None else in_words(seconds),
            NOTHING if speed is None else f"{speed:,.0f}",
            _parameters(row),
            NOTHING if size is None else f"{size / 1e6:.1f} MB",
            NOTHING if latency is None else f"{latency:.2f} ms",
        )

    def notes(self) -> list[str]:
        """Return how each figure was measured, and what is wrong with whom, a line for each reason."""
        problems = by_reason(problem for row in self.rows for problem in row.problems)
        return [*self.columns.notes(), *(f"{some(names)}: {why}" for names, why in problems)]

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it."""
        told = {measure: measure.higher_is_better for measure in self.measures}
        return {"rows": [self._row(row, told) for row in self.rows]}

    def _row(self, row: Row, told: Mapping[Measure, bool | None]) -> dict[str, Any]:
        return {
            "label": row.label,
            "state": row.state or None,
            "figures": [
                {
                    "metric": measure.metric,
                    "protocol": measure.protocol or None,
                    "data": measure.data,
                    "fingerprint": measure.fingerprint,
                    "higher_is_better": told[measure],
                    "mean": figure.mean,
                    "deviation": figure.deviation,
                    "values": list(figure.values),
                }
                for measure, figure in row.figures.items()
            ],
            "latency_ms": (self.latency or {}).get(row.label),
            "entries": [_entry(entry) for entry in row.entries],
        }


COSTS = ("training", "images/s", "parameters", "ONNX", "latency")
"""Headings of what a row costs."""
_TOLD = (
    "name", "kind", "recipe", "state", "problem", "seed", "step", "steps", "figure", "best_step", "seconds",
    "images_per_second", "hardware", "parameters", "onnx_parameters", "onnx_bytes", "latent_dim",
)  # fmt: skip


def compare(names: Sequence[str], load: Load, *, latency: bool = False) -> Comparison:
    """Compare runs, sweeps and generators.

    Args:
        names: what `zoo.load` opens, and folders of sweeps.
        load: `zoo.load`.
        latency: whether to measure how long a picture takes, of those that have an ONNX file.

    Raises:
        InputError: there are too many.
        ZooError: none of them can be read; of the first of them.
    """
    entries, errors = read_entries(names, load)
    if errors and len(errors) == len(entries):
        raise errors[0]
    rows = rows_of(entries)
    times: dict[str, float] = {}
    if latency:
        files = {row.label: onnx for row in rows if (onnx := row.first(lambda entry: entry.onnx)) is not None}
        measured, failed = measure_latency(files.values(), load)
        times = {label: measured[onnx] for label, onnx in files.items() if onnx in measured}
        rows = [_with_problem(row, failed.get(files.get(row.label, ""))) for row in rows]
        errors += failed.values()
    return Comparison(tuple(rows), tuple(errors), times)


def _with_problem(row: Row, error: ZooError | None) -> Row:
    """Return the row, which says why its generator cannot be measured, beside what is wrong with it already."""
    if error is None:
        return row
    at = next(index for index, entry in enumerate(row.entries) if entry.onnx is not None)
    entry = row.entries[at]
    told = replace(entry, problem="; ".join(filter(None, [entry.problem, str(error)])))
    return replace(row, entries=(*row.entries[:at], told, *row.entries[at + 1 :]))


def figure_text(figure: Figure | None) -> str:
    """Return a figure with its deviation, and over how many runs."""
    if figure is None:
        return NOTHING
    mean = rounded(figure.mean)
    return mean if figure.deviation is None else f"{mean} ± {rounded(figure.deviation)}"


def _parameters(row: Row) -> str:
    known = row.first(lambda entry: entry.parameters)
    if known is not None:
        return f"{known:,}"
    known = row.first(lambda entry: entry.onnx_parameters)
    return NOTHING if known is None else f"{known:,} in ONNX"


def _entry(entry: Entry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in _TOLD}


def summary(rows: Sequence[Row]) -> str:
    """Return how much is compared, in words."""
    runs = sum(len(row.entries) for row in rows)
    return f"{counted(len(rows), 'row')} of {counted(runs, 'run or generator', 'runs and generators')}"
