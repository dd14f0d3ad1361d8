"""What the experiments measure."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.experiments.measures import checkerboard, grid, mean_and_each


def noise(count: int = 256) -> np.ndarray:
    return np.random.default_rng(0).integers(100, 156, (count, 28, 28), dtype=np.uint8)


def test_noise_has_no_checkerboard() -> None:
    assert checkerboard(noise(), 2) == pytest.approx(1, abs=0.1)
    assert checkerboard(noise(), 4) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("period", [2, 4])
def test_a_pattern_that_repeats_stands_out_at_its_period_alone(period: int) -> None:
    pattern = np.where(np.arange(28) % period < period // 2, 40, -40)
    marked = (noise() + pattern[:, None] + pattern).astype(np.uint8)

    assert checkerboard(marked, period) > 3
    assert checkerboard(marked, 6 - period) == pytest.approx(1, abs=0.1)


def test_tables_and_grids() -> None:
    assert mean_and_each([1.0, 2.0, 4.5]) == "2.5 (1.0, 2.0, 4.5)"
    pictures = np.arange(6, dtype=np.uint8).reshape(6, 1, 1)
    assert grid(pictures, 3).tolist() == [[0, 1, 2], [3, 4, 5]]
