"""A generator that is told nothing any more."""

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


class VanishingGradient(Symptom):
    """The generator's gradient has fallen to a hundredth of what it was (Arjovsky and Bottou 2017, theorem 2.4)."""

    name: ClassVar[str] = "vanishing-generator-gradient"
    paper: ClassVar[str] = (
        "Arjovsky and Bottou, *Towards Principled Methods for Training Generative Adversarial Networks*, 2017, "
        "arXiv:1701.04862, theorem 2.4"
    )
    least: int = Field(default=20, ge=10, description="lines of the log from which it is looked for")
    share: float = Field(
        default=0.01, gt=0, lt=1, description="of its highest tenth, below which it has vanished"
    )

    def find(self, history: History) -> Diagnosis | None:
        """Return where the last tenth's median is far below the highest tenth's."""
        curve = history.curve("generator.gradient-norm")
        if len(curve) < self.least:
            return None
        tenths = [float(np.median(part)) for part in np.array_split(curve.values, 10)]
        if tenths[-1] >= self.share * max(tenths):
            return None
        return Diagnosis(
            what="The generator's gradient has vanished",
            evidence=f"its norm is {tenths[-1]:.2g} at the end, {max(tenths):.2g} at its highest",
            cause="the critic's scores are flat where the generated pictures lie: saturated, or the same everywhere",
            advice=(
                "a Wasserstein loss with a gradient penalty, as in the recipes `*-wgangp`",
                f"half the critic's learning rate: {history.scaled('optimizers.critic.learning_rate', 0.5)}",
            ),
            step=int(curve.steps[-max(len(curve) // 10, 1)]),
            plot="Gradient norms",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [VanishingGradient]
