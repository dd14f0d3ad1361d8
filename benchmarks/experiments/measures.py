"""What the experiments read off pictures and histories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.reports.correlation import rank_correlation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoo.history import History


def checkerboard(pictures: NDArray[np.uint8], period: int) -> float:
    """Return how far the power at a period of so many pixels stands out of its neighbours; 1 is not at all.

    Transposed convolutions whose kernel is no multiple of their stride write into some pixels more often than into
    others (Odena et al. 2016, *Deconvolution and Checkerboard Artifacts*, Distill): a pattern that repeats with the
    stride.

    Args:
        pictures: (N, H, W) with equal even sides, a multiple of `period`.
        period: in pixels.
    """
    centred = pictures.astype(np.float64) - pictures.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(centred)) ** 2).mean(axis=0)
    at = power.shape[0] // period
    lines = power.sum(axis=1) + power.sum(axis=0)
    return float(lines[at] / np.sqrt(lines[at - 1] * lines[(at + 1) % len(lines)]))


def follows(history: History) -> float:
    """Return the rank correlation of the critic's loss with the figure, over the measurements."""
    return rank_correlation(history.losses_at_measurements, history.quality.values)


def final(history: History) -> float:
    """Return the last figure."""
    return float(history.quality.values[-1])


def mean_and_each(values: Sequence[float], form: str = ".1f") -> str:
    """Return `12.3 (11.9, 12.4, 12.6)`."""
    each = ", ".join(f"{value:{form}}" for value in values)
    return f"{np.mean(values):{form}} ({each})"


def grid(pictures: NDArray[np.uint8], columns: int) -> NDArray[Any]:
    """Return pictures (N, H, W) side by side in rows of so many."""
    rows = len(pictures) // columns
    height, width = pictures.shape[1:]
    table = pictures[: rows * columns].reshape(rows, columns, height, width)
    return table.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
