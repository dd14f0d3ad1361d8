"""Whether one series follows another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
