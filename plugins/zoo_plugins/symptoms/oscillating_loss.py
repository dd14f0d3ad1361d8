"""Losses that swing instead of settling."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class OscillatingLoss(Symptom):
    """With scores that are logits, the generator's loss swings about its mean (Foster 2019, chapter 4).

    A Wasserstein loss has no scale and drifts as the critic's zero does; it is not judged.
    """

    name: ClassVar[str] = "oscillating-loss"
    paper: ClassVar[str] = "Foster, *Generative Deep Learning*, 2019, chapter 4, section GAN challenges"
    least: int = Field(default=60, ge=8, description="lines of the log from which it is looked for")
    amplitude: float = Field(default=0.3, gt=0, description="deviation of the loss as a share of its mean")
    crossings: int = Field(default=6, ge=1, description="of the mean, in the later half")

    def find(self, history: History) -> Diagnosis | None:
        """Return where the later half's loss, freed of its trend, swings far and often."""
        curve = history.curve("generator")
        if not history.scores_are_logits or len(curve) < self.least:
            return None
        late = curve.since(int(curve.steps[len(curve) // 2]))
        window = max(len(late) // 20, 1)
        swing = late.smoothed(window).values - late.smoothed(max(len(late) // 2, 2)).values
        share = float(swing.std() / max(abs(late.values.mean()), 1e-9))
        crossings = int((np.diff(np.sign(swing)) != 0).sum())
        if share < self.amplitude or crossings < self.crossings:
            return None
        return Diagnosis(
            what="The loss oscillates",
            evidence=f"the generator's swings by {share:.0%} of its mean, {crossings} times through it, "
            f"since step {late.steps[0]}",
            cause="generator and critic chase each other: each step of one undoes what the other had adapted to",
            advice=(
                f"half the generator's learning rate: {history.scaled('optimizers.generator.learning_rate', 0.5)}",
                f"half the critic's learning rate: {history.scaled('optimizers.critic.learning_rate', 0.5)}",
                f"a batch twice as large: {history.scaled('training.batch_size', 2)}",
            ),
            step=int(late.steps[0]),
            plot="Losses",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [OscillatingLoss]
