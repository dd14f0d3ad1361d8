"""A loss that says nothing of how far the training is."""

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


class UninformativeLoss(Symptom):
    """The critic's loss stands still while the quality changes: one cannot be read from the other."""

    name: ClassVar[str] = "uninformative-loss"
    paper: ClassVar[str] = "Foster, *Generative Deep Learning*, 2019, chapter 4, section GAN challenges"
    still: float = Field(default=0.02, gt=0, description="change of the loss, as a share of its mean")
    moved: float = Field(default=0.2, gt=0, description="change of the figure, as a share of its mean")

    def find(self, history: History) -> Diagnosis | None:
        """Return where, over the measurements, only one of the two has changed."""
        quality, curve = history.quality, history.curve("critic")
        if len(quality) < 4 or len(curve) < 20:
            return None
        losses = history.losses_at_measurements
        still, moved = (
            float(np.ptp(some) / max(abs(some).mean(), 1e-12)) for some in (losses, quality.values)
        )
        if still > self.still or moved < self.moved:
            return None
        return Diagnosis(
            what="The loss says nothing about the quality",
            evidence=f"between the measurements the critic's loss changed by {still:.1%}, "
            f"{history.record.get('metric')} by {moved:.0%}",
            cause="the losses are about an opponent that changes too; only a Wasserstein critic estimates a distance",
            advice=("a look at the figure and at samples/, not at the loss",
                    "a Wasserstein loss with a gradient penalty, as in the recipes `*-wgangp`"),
            step=int(quality.steps[-1]),
            plot="Quality against loss",
        )  # fmt: skip


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [UninformativeLoss]
