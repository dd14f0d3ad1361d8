"""A critic that has nothing to teach."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class CriticTooWeak(Symptom):
    """The critic gives generated pictures the scores of training images though they are far from them."""

    name: ClassVar[str] = "critic-too-weak"
    least: int = Field(default=3, ge=1, description="probes in a row that must say so")
    deviations: float = Field(
        default=0.1, gt=0, description="between the scores of real and generated images"
    )

    def find(self, history: History) -> Diagnosis | None:
        """Return where the last probes' scores are the same, and the quality has not come near its best."""
        last = history.probes[-self.least :]
        quality = history.quality.values
        if len(last) < self.least or any(abs(probe.separation) > self.deviations for probe in last):
            return None
        if len(quality) and abs(quality[-1]) < 0.5 * abs(quality).max():
            return None  # what the critic cannot tell apart has become good
        apart = last[-1].separation
        return Diagnosis(
            what="The critic is too weak",
            evidence=f"its scores of training and generated images lie {apart:.2f} deviations apart since step "
            f"{last[0].step}",
            cause="a critic that cannot tell them apart has nothing to teach",
            advice=(
                "--set training.critic_steps=5",
                "a higher --set optimizers.critic.learning_rate=...",
                "more --set architecture.critic_filters=[...]",
            ),
            step=last[0].step,
            plot="Scores",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [CriticTooWeak]
