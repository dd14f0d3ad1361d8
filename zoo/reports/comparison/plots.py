"""The plots of a comparison: figures with their spread, and curves overlaid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo.generators.measures import sentence
from zoo.history import Curve
from zoo.reports.comparison.entry import CURVES
from zoo.reports.comparison.rows import columns_of
from zoo.reports.drawing import COLOURS, Plot, finished, new_axes, plot_style, thinned
from zoo.system.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from zoo.generators.measures import Measure
    from zoo.reports.comparison.entry import Entry
    from zoo.reports.comparison.rows import Row

ROWS_LIMIT = 24
"""Rows that are drawn; more lines could not be told apart."""
LETTERS = 44
"""Of a row's name in a legend."""
DASHES = ("-", "--", ":", "-.")
STEPS = "generator steps"


def comparison_plots(rows: Sequence[Row]) -> list[Plot]:
    """Return every plot that the rows have something for."""
    with plot_style():
        return list(_plots(rows[:ROWS_LIMIT]))


def _plots(rows: Sequence[Row]) -> Iterator[Plot]:
    for measure, heading in columns_of(rows).headings.items():
        yield _figures(rows, measure, one_line(heading))
        title = f"{one_line(heading)} over the steps"
        says = f"Of the averaged generator.{sentence(measure.higher_is_better)}"
        yield from _overlaid(rows, _Curves(measure.metric, measure), title, says)
    says = (
        "Smoothed. Losses of different kinds have scales of their own, and a lower one is no better one: compare how "
        "they move."
    )
    for side in CURVES:
        yield from _overlaid(rows, _Curves(side, smooth=True), f"The {side}'s loss", says)


@dataclass(frozen=True)
class _Curves:
    """Which curves are drawn: those of a name, and of a metric, of runs that measured it in one way."""

    name: str
    measure: Measure | None = None
    smooth: bool = False

    def of(self, row: Row) -> list[Curve]:
        return [
            entry.curves[self.name]
            for entry in row.entries
            if self.name in entry.curves and self._fits(row, entry)
        ]

    def _fits(self, row: Row, entry: Entry) -> bool:
        if self.measure is None:
            return True
        return entry.measure is not None and entry.measure.of(row.label) == self.measure


def _figures(rows: Sequence[Row], measure: Measure, heading: str) -> Plot:
    """Draw each run's figure as a dot, and the mean and deviation of its row."""
    there = [(index, row) for index, row in enumerate(rows) if measure in row.figures]
    figure, axes = new_axes(heading, "")
    figure.set_figheight(1.2 + 0.36 * len(there))
    for place, (index, row) in enumerate(there):
        found, colour = row.figures[measure], COLOURS[index % len(COLOURS)]
        axes.errorbar(
            found.mean, place, xerr=found.deviation or 0, fmt="|", ms=14, mew=2, capsize=4, color=colour,
            label="mean and deviation" if place == 0 else None,
        )  # fmt: skip
        axes.plot(
            found.values, [place] * len(found.values), "o", ms=4, alpha=0.6, color=colour,
            label="a run" if place == 0 else None,
        )  # fmt: skip
    axes.set_yticks(range(len(there)), [_name(index, row) for index, row in there])
    axes.set_ylim(len(there) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=4)  # figures of five digits stand beside each other
    says = (
        "Each dot is a run, the mark their mean, the bar one deviation to each side. Rows whose bars overlap may "
        f"differ by their seeds alone.{sentence(measure.higher_is_better)}"
    )
    return finished(figure, heading, says, outside=True)


def _overlaid(rows: Sequence[Row], which: _Curves, title: str, says: str) -> Iterator[Plot]:
    """Draw a curve of every row over the steps: each run thin, the mean thick, one deviation around it."""
    figure, axes = new_axes(STEPS, one_line(which.name))
    found = {index: curves for index, row in enumerate(rows) if (curves := which.of(row))}
    for index, curves in found.items():
        style = DASHES[index // len(COLOURS) % len(DASHES)]
        colour = COLOURS[index % len(COLOURS)]
        _draw(axes, curves, colour, style, _name(index, rows[index]), smooth=which.smooth)
    if any(len(curves) > 1 for curves in found.values()):
        says += " Thin: each run; thick: the mean over seeds; shaded: one deviation."
    if found:
        yield finished(figure, title, says, outside=True)


def _draw(axes: Axes, curves: Sequence[Curve], colour: str, style: str, label: str, *, smooth: bool) -> None:
    for curve in curves:
        thin = thinned(curve)
        axes.plot(thin.steps, thin.values, "." if len(thin) == 1 else style, color=colour, lw=0.4, alpha=0.5)
    mean, deviation = mean_curve([_smoothed(curve) if smooth else curve for curve in curves])
    line, around = thinned(mean), thinned(deviation)
    marker = "o" if len(line) == 1 else ""
    axes.plot(line.steps, line.values, style, marker=marker, ms=4, color=colour, lw=1.6, label=label)
    if len(curves) > 1:
        low, high = line.values - around.values, line.values + around.values
        axes.fill_between(line.steps, low, high, color=colour, alpha=0.15, lw=0)


def _smoothed(curve: Curve) -> Curve:
    return curve.smoothed(max(len(curve) // 30, 1))


def mean_curve(curves: Sequence[Curve]) -> tuple[Curve, Curve]:
    """Return the mean of several curves and their sample deviation, at each step over those that have it.

    Where a single one has it the deviation is 0.
    """
    steps, place = np.unique(np.concatenate([curve.steps for curve in curves]), return_inverse=True)
    values = np.concatenate([curve.values for curve in curves])
    counts = np.bincount(place)
    mean = np.bincount(place, values) / counts
    squares = np.bincount(place, (values - mean[place]) ** 2)
    deviation = np.sqrt(squares / np.maximum(counts - 1, 1))
    return Curve(steps, mean), Curve(steps, deviation)


def _name(index: int, row: Row) -> str:
    """Return a row's number on the page and as much as there is room for of what tells it from others."""
    recipe, own = row.entries[0].recipe or "", one_line(row.label)
    text = f"{index + 1}. {own.removeprefix(f'{recipe} ')}"
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
