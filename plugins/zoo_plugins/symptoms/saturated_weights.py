"""A critic whose weights all lie at their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from zoo.components import Symptom
from zoo.history import Diagnosis
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.history import History


class SaturatedWeights(Symptom):
    """Nearly all of the critic's weights lie at the two limits that clipping sets."""

    name: ClassVar[str] = "saturated-weights"
    paper: ClassVar[str] = (
        "Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017, arXiv:1704.00028, section 3.1, figure 1b"
    )
    share: float = Field(
        default=0.95, gt=0, le=1, description="of the weights, in the histogram's two outer bins"
    )

    def find(self, history: History) -> Diagnosis | None:
        """Return where the last probe's histogram has its weights at the ends."""
        if history.recipe is None or not history.recipe.regularizers:
            return None
        if not history.probes or history.probes[-1].weights.at_ends < self.share:
            return None
        weights = history.probes[-1].weights
        return Diagnosis(
            what="Clipping has saturated the critic's weights",
            evidence=f"{weights.at_ends:.0%} of them lie within a {len(weights.counts)}th of {weights.low:.3g} or "
            f"{weights.high:.3g}",
            cause="clipping pushes weights to its limits; a critic made of two values computes only simple functions",
            advice=(
                "a gradient penalty instead, as in the recipes `*-wgangp`",
                f"wider limits: {history.scaled('regularizers.0.limit', 2)}",
            ),
            step=history.probes[-1].step,
            plot="Weights",
        )


@hookimpl
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    return [SaturatedWeights]
