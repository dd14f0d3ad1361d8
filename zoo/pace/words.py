"""What a training is doing, in words for a line on a screen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zoo.errors import rounded
from zoo.pace.live import TRAINING
from zoo.pace.speed import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo.pace.live import Live
    from zoo.pace.progress import Progress


def doing(live: Live) -> str:
    """Return what is being done and for how long."""
    so_far = f"{in_words(time.monotonic() - live.since)} so far"
    if not live.until:
        return f"{live.doing}, {so_far}"
    step = min(live.step + 1, live.until) if live.doing == TRAINING else live.step
    return f"step {step}/{live.until}: {live.doing}, {so_far}"


def losses(metrics: Mapping[str, float]) -> str:
    """Return the sums that both sides minimise."""
    return "  ".join(f"{side} {metrics[side]:.3f}" for side in ("critic", "generator") if side in metrics)


def speed(live: Live) -> str:
    """Return the speed and the time that is left."""
    return f"{live.images_per_second or 0:.0f} images/s  {in_words(live.seconds_left or 0)} left"


def measured(metric: str, progress: Progress) -> str:
    """Return a figure with its step and its metric's name."""
    assert progress.value is not None
    best = "  (best so far)" if progress.best else ""
    return f"step {progress.step}: {metric} {rounded(progress.value)}{best}"
