"""The pictures of the experiments."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.experiments.measures import grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from zoo.history import History

T = TypeVar("T")
GAP = 12
SCALE = 2
COLOURS = ("#3366cc", "#dc7a1e", "#2f8f4e")


def save_grids(sets: Sequence[NDArray[np.uint8]], columns: int, path: Path) -> None:
    """Write sets of pictures (N, H, W) beside each other, enlarged, with a white gap between."""
    grids = [grid(pictures, columns).repeat(SCALE, 0).repeat(SCALE, 1) for pictures in sets]
    gap = np.full((len(grids[0]), GAP), 255, np.uint8)
    parts = [part for one in grids for part in (gap, one)][1:]
    Image.fromarray(np.concatenate(parts, axis=1)).save(path, optimize=True)


def save_samples(runs: Sequence[Path], path: Path) -> None:
    """Write the last sample grids of runs beside each other, the upper half of each."""
    grids = []
    for run in runs:
        with Image.open(max((run / "samples").glob("step-*.png"))) as picture:
            grids.append(np.asarray(picture.convert("L"))[: picture.height // 2])
    gap = np.full((len(grids[0]), GAP), 255, np.uint8)
    parts = [part for one in grids for part in (gap, one)][1:]
    Image.fromarray(np.concatenate(parts, axis=1)).save(path, optimize=True)


def finish(axes: Axes, title: str) -> None:
    """Add title and legend, and no more labels than have room."""
    axes.set_title(title, fontsize=9)
    axes.locator_params(axis="x", nbins=5)
    axes.legend(fontsize=7)


@contextmanager
def panels(sets: Mapping[str, T], height: float, path: Path) -> Iterator[Iterator[tuple[Axes, T]]]:
    """Give a panel for each set, one beside the other, and write them when the block ends."""
    figure = Figure(figsize=(9, height), layout="constrained")

    def each() -> Iterator[tuple[Axes, T]]:
        for place, (name, one) in enumerate(sets.items(), 1):
            axes = figure.add_subplot(1, len(sets), place)
            yield axes, one
            if place > 1:
                axes.set_ylabel("")
            finish(axes, name)

    yield each()
    figure.savefig(path, dpi=90)


def save_losses(sets: Mapping[str, Sequence[History]], path: Path) -> None:
    """Draw the figure against the critic's loss, a panel for each loss and a line for each seed."""
    with panels(sets, 3, path) as drawn:
        for axes, histories in drawn:
            for seed, (history, colour) in enumerate(zip(histories, COLOURS, strict=False)):
                losses, values = history.losses_at_measurements, history.quality.values
                axes.plot(losses, values, "o-", color=colour, ms=3, lw=0.6, label=f"seed {seed}")
                axes.plot(losses[-1], values[-1], "*", color=colour, ms=11)
            axes.set(xlabel="critic's loss", ylabel="swd")


def save_weights(sets: Mapping[str, History], path: Path) -> None:
    """Draw the critic's weights at the first and the last measurement, a panel for each training."""
    with panels(sets, 2.8, path) as drawn:
        for axes, history in drawn:
            for probe, colour in zip((history.probes[0], history.probes[-1]), COLOURS, strict=False):
                weights = probe.weights
                share = np.array(weights.counts) / max(sum(weights.counts), 1)
                axes.stairs(
                    share, weights.edges, color=colour, fill=True, alpha=0.55, label=f"step {probe.step}"
                )
            axes.set(xlabel="weight of the critic", ylabel="share of all weights")


def save_generator_losses(sets: Mapping[str, History], path: Path) -> None:
    """Draw both losses over the steps, a panel for each training."""
    with panels(sets, 2.6, path) as drawn:
        for axes, history in drawn:
            for side, colour in zip(("critic", "generator"), COLOURS, strict=False):
                curve = history.curve(side)
                axes.plot(curve.steps, curve.values, color=colour, lw=0.8, label=side)
            axes.set(xlabel="generator steps", ylabel="loss")
