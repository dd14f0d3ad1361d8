"""What is due after a step: by the recipe's cadence, early on for whoever watches, and by the clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.recipes.recipe import Training

EARLY_SAMPLES = (1, 10, 25, 50, 100)
"""Steps with a sample grid whatever the recipe's cadence is: at a second a step, its first would take minutes."""
CHECKPOINT_SECONDS = 120.0
"""After so long without a checkpoint one is due: what a power cut may cost, however slow a step is."""


class Cadence:
    """What a training on the way to its last step, `until`, has to do after which steps."""

    def __init__(self, training: Training, until: int) -> None:
        self._training = training
        self._until = until
        self._saved = time.monotonic()

    def logs(self, step: int) -> bool:
        """Whether a line of losses is due."""
        return self._is_due(step, self._training.log_every)

    def measures(self, step: int) -> bool:
        """Whether the metric is to be measured."""
        return self._is_due(step, self._training.eval_every)

    def samples(self, step: int) -> bool:
        """Whether a sample grid is due."""
        return step in EARLY_SAMPLES or self._is_due(step, self._training.sample_every)

    def saves(self, step: int) -> bool:
        """Whether a checkpoint is due."""
        return self._is_due(step, self._training.checkpoint_every) or self.seconds_to_save() <= 0

    def saved(self) -> None:
        """Count the time to the next checkpoint from now."""
        self._saved = time.monotonic()

    def seconds_to_save(self) -> float:
        """Return how long the clock lets the next checkpoint wait."""
        return CHECKPOINT_SECONDS - (time.monotonic() - self._saved)

    def steps_to_save(self, step: int) -> int:
        """Return how many steps later the recipe's cadence has one."""
        every = self._training.checkpoint_every
        return min(every - step % every, max(self._until - step, 0))

    def _is_due(self, step: int, every: int) -> bool:
        return step % every == 0 or step == self._until
