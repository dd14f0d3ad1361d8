"""How a report's plots look: matplotlib's figures as SVG elements that can be read on white and on black."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

    from zoo.history import Curve, Distribution

COLOURS = ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e")
GREY = "#808080"
"""Of letters and axes: in the page it becomes the colour of the text."""
SHORT_LABEL = 30
"""Letters of which two fit beside each other below a plot."""
POINTS = 600
"""Of a curve that are drawn; of more, means of equal stretches."""


@dataclass(frozen=True)
class Plot:
    """A picture of a page.

    Attributes:
        title: its heading.
        svg: an `<svg>` element.
        says: what to see in it, in a sentence.
    """

    title: str
    svg: str
    says: str


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw on nothing, in grey, with letters that stay letters; the same figures give the same bytes."""
    inked = (
        "text.color",
        "axes.labelcolor",
        "axes.edgecolor",
        "xtick.color",
        "ytick.color",
        "axes.titlecolor",
    )
    style: dict[Any, Any] = dict.fromkeys(inked, GREY)
    style |= {"axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
    style |= {"svg.fonttype": "none", "svg.hashsalt": "zoo", "font.size": 9, "text.parse_math": False}
    with mpl.rc_context(style):
        yield


def new_axes(x: str, y: str) -> tuple[Figure, Axes]:
    """Return an empty figure and its axes with their labels."""
    figure = Figure(figsize=(4.6, 2.8), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def use_log_scale(axes: Axes) -> None:
    """Draw the heights by their logarithms, with plain numbers beside them: names of strangers rule out formulas."""
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(LogFormatter())
    axes.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1.5, 0.5)))


def finished(figure: Figure, title: str, says: str, *, outside: bool = False) -> Plot:
    """Return the plot with a legend, without a background; `outside` puts the legend below the axes."""
    if outside:
        labels = [label for axes in figure.axes for label in axes.get_legend_handles_labels()[1]]
        columns = 1 if any(len(label) > SHORT_LABEL for label in labels) else 2
        figure.legend(loc="outside lower center", ncols=columns, fontsize=7)
    else:
        figure.axes[0].legend()
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return Plot(title, text[text.index("<svg") :].replace(GREY, "currentColor"), says)


def draw_histogram(axes: Axes, numbers: Distribution, label: str, colour: str) -> None:
    """Draw the shares of the bins as a line of steps."""
    edges = numbers.edges
    if numbers.low == numbers.high:
        edges = edges + np.linspace(-1e-6, 1e-6, len(edges))
    shares = np.array(numbers.counts) / max(sum(numbers.counts), 1)
    axes.stairs(shares, edges, color=colour, label=label, lw=1.4)


def thinned(curve: Curve) -> Curve:
    """Return a curve of at most `POINTS` points."""
    if len(curve) <= POINTS:
        return curve
    steps = np.array([part[-1] for part in np.array_split(curve.steps, POINTS)])
    return type(curve)(steps, np.array([part.mean() for part in np.array_split(curve.values, POINTS)]))
