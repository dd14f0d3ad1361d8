"""A critic that has nothing to teach."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History

GUESSING = math.log(2)
"""The loss of logits that are all 0."""


class CriticTooWeak(Symptom):
    """The critic gives generated pictures scores as high as training images', though they are far from them."""

    name: ClassVar[str] = "critic-too-weak"
    least: int = Field(default=3, ge=1, description="probes in a row that must say so")
    deviations: float = Field(default=0.1, gt=0, description="by which real images must be scored higher")

    better: float = Field(default=0.02, gt=0, description="than guessing, by which a loss of logits is lower")

    def find(self, history: History) -> Diagnosis | None:
        """Return where the last probes' scores are the same, and the figure has not become much better."""
        last = history.probes[-self.least :]
        if len(last) < self.least or any(probe.separation > self.deviations for probe in last):
            return None
        if self._has_become_good(history):
            return None  # and so the critic cannot tell it apart
        if self._learns(history):
            return None  # in training, where it meets the generator itself and not its average
        apart = last[-1].separation
        return Diagnosis(
            what="The critic is too weak",
            evidence=f"since step {last[0].step} it scores generated images as high as training images or higher, by "
            f"{max(-apart, 0):.2f} deviations at the end",
            cause="a critic that cannot tell them apart has nothing to teach",
            advice=(
                "more steps of the critic: --set training.critic_steps=5",
                f"twice the critic's learning rate: {history.scaled('optimizers.critic.learning_rate', 2)}",
                "a critic with more filters: --set architecture.critic_filters=[...]",
            ),
            step=last[0].step,
            plot="Scores",
        )

    def _learns(self, history: History) -> bool:
        """Whether the critic's loss is clearly better than that of equal scores."""
        last, curve = history.probes[-self.least :], history.curve("critic")
        if not len(curve):
            return False
        smooth = curve.smoothed(max(len(curve) // 20, 1))
        loss = float(np.interp([probe.step for probe in last], smooth.steps, smooth.values).mean())
        if history.scores_are_logits:
            return loss < GUESSING - self.better
        return loss < -self.deviations * last[-1].training_scores.std

    @staticmethod
    def _has_become_good(history: History) -> bool:
        """Whether the figure has halved, or doubled where higher is better, since it was first measured."""
        quality = history.quality.values
        if len(quality) < 2:
            return False
        first, last = abs(quality[0]), abs(quality[-1])
        return bool(last > 2 * first if history.higher_is_better else last < 0.5 * first)


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [CriticTooWeak]
