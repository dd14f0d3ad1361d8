"""Whether one series follows another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.history import History

    Series = NDArray[np.float64]


def rank_correlation(one: Series, other: Series) -> float:
    """Return Spearman's rank correlation of two equally long series, -1 to 1; 0 where one of them is flat.

    Equal values have their mean rank.
    """
    first, second = _ranks(one), _ranks(other)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    pearson: Series = np.asarray(np.corrcoef(np.stack([first, second])))
    return float(pearson[0, 1])


def _ranks(series: Series) -> Series:
    _, inverse, counts = np.unique(series, return_inverse=True, return_counts=True)
    mean_rank = counts.cumsum() - (counts - 1) / 2
    ranks: Series = mean_rank[inverse]
    return ranks


def losses_at_measurements(history: History) -> Series:
    """Return the critic's smoothed loss at the steps of the measurements."""
    curve = history.curve("critic")
    smooth = curve.smoothed(max(len(curve) // 20, 1))
    return np.interp(history.quality.steps, smooth.steps, smooth.values)
