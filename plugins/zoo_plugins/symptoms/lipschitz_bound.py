"""A Wasserstein critic that is steeper than it may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class LipschitzBroken(Symptom):
    """The critic's slope between real and generated images is not the one that a loss holds it to.

    Looked for where a loss names a slope (`slope_target`), as the gradient penalty does.
    """

    name: ClassVar[str] = "lipschitz-bound-broken"
    paper: ClassVar[str] = (
        "Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017, arXiv:1704.00028, proposition 1"
    )
    factor: float = Field(default=1.5, gt=1, description="above the slope that is asked for")
    patience: int = Field(default=100, ge=0, description="steps in which a new critic may be anywhere")

    def find(self, history: History) -> Diagnosis | None:
        """Return where the last probe's mean slope is too high."""
        target, last = history.slope_target, history.probes[-1] if history.probes else None
        if target is None or last is None or last.step < self.patience:
            return None
        if last.slopes.mean <= self.factor * target:
            return None
        return Diagnosis(
            what="The critic is steeper than its loss lets it be",
            evidence=f"its gradient's norm between real and generated images is {last.slopes.mean:.2f} on average; "
            f"{target:g} is asked for",
            cause="a critic without its Lipschitz bound estimates no distance: its scores can grow without end",
            advice=(
                f"twice the weight of that loss: {history.scaled(history.slope_weight or 'losses.1.weight', 2)}",
                f"half the critic's learning rate: {history.scaled('optimizers.critic.learning_rate', 0.5)}",
            ),
            step=last.step,
            plot="Slopes",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [LipschitzBroken]
