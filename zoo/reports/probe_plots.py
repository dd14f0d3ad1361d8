"""The plots of what a training's probes saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.reports.drawing import COLOURS, Plot, draw_histogram, finished, new_axes, use_log_scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.history import Probe

    Probes = tuple[Probe, ...]

STEPS = "generator steps"


def probe_plots(probes: Probes) -> Iterator[Plot]:
    """Yield every plot; there is at least one probe."""
    yield _scores(probes[-1])
    yield _slopes(probes)
    yield _spread(probes)
    yield _neighbours(probes)
    yield _weights(probes)


def _scores(last: Probe) -> Plot:
    figure, axes = new_axes("the critic's score", "share of images")
    kinds = {
        "training": last.training_scores,
        "held out": last.held_out_scores,
        "generated": last.generated_scores,
    }
    for (name, scores), colour in zip(kinds.items(), COLOURS, strict=False):
        if scores is not None:
            draw_histogram(axes, scores, name, colour)
    says = (
        f"The critic's scores at step {last.step}. Held-out images should lie with the training images: where they lie "
        "with generated ones, the critic knows its images by heart."
    )
    return finished(figure, "Scores", says)


def _slopes(probes: Probes) -> Plot:
    figure, axes = new_axes(STEPS, "norm of the critic's gradient")
    steps = [probe.step for probe in probes]
    means = np.array([probe.slopes.mean for probe in probes])
    deviations = np.array([probe.slopes.std for probe in probes])
    axes.plot(steps, means, "o-", ms=3, color=COLOURS[0], label="mean")
    low, high = means - deviations, means + deviations
    axes.fill_between(steps, low, high, color=COLOURS[0], alpha=0.2, label="deviation")
    axes.axhline(1, color=COLOURS[1], lw=0.8, ls="--", label="1")
    says = (
        "At random points between training and generated images. A gradient penalty holds it at 1; clipping bounds it "
        "somewhere; where scores are logits nothing does."
    )
    return finished(figure, "Slopes", says)


def _spread(probes: Probes) -> Plot:
    series = {
        "two training images": [probe.training_spread for probe in probes],
        "two generated ones": [probe.generated_spread for probe in probes],
    }
    says = "How different pictures are from each other. Generated ones far below the training images: mode collapse."
    return _distances(probes, series, "Spread", says)


def _neighbours(probes: Probes) -> Plot:
    nearest = [[neighbour.distance for neighbour in probe.neighbours] for probe in probes]
    series = {
        "a training image to the next one": [probe.training_neighbour for probe in probes],
        "a generated one to the nearest": [float(np.median(some)) if some else np.nan for some in nearest],
    }
    says = "Medians. Generated pictures far nearer to a training image than those are to each other: copies."
    return _distances(probes, series, "Nearest training images", says)


def _distances(probes: Probes, series: dict[str, list[float]], title: str, says: str) -> Plot:
    figure, axes = new_axes(STEPS, "distance, levels of 255")
    for (label, values), colour in zip(series.items(), COLOURS, strict=False):
        axes.plot([probe.step for probe in probes], values, "o-", ms=3, color=colour, label=label)
    axes.set_ylim(0, max(np.nanmax(list(series.values())) * 1.1, 1))
    return finished(figure, title, says)


def _weights(probes: Probes) -> Plot:
    figure, axes = new_axes("a weight of the critic", "share of weights")
    for index, colour in zip(sorted({0, len(probes) // 2, len(probes) - 1}), COLOURS, strict=False):
        draw_histogram(axes, probes[index].weights, f"step {probes[index].step}", colour)
    use_log_scale(axes)
    last = probes[-1]
    says = (
        f"Biases aside. Clipping piles them up at both ends: at step {last.step}, {last.weights.at_ends:.0%} lie in "
        "the two outer bins."
    )
    return finished(figure, "Weights", says)
