"""The constraint of the first WGAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field

from zoo.components import Regularizer
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor, nn

    from zoo.components import Plan


class WeightClipping(Regularizer):
    """Clip every weight and bias of the critic to [-limit, limit] (Arjovsky et al. 2017, algorithm 1)."""

    name: ClassVar[str] = "weight-clipping"
    limit: float = Field(default=0.01, gt=0, description="c in the paper")

    @torch.no_grad()
    def after_step(self, critic: nn.Module) -> None:
        """Clip, in place."""
        weights: list[Tensor] = list(critic.parameters())
        torch._foreach_clamp_min_(weights, -self.limit)
        torch._foreach_clamp_max_(weights, self.limit)

    def check(self, plan: Plan) -> str | None:
        """Refuse clipping under BCE, which asks for no Lipschitz critic and only loses its strength by it."""
        if any(loss.name == "bce" for loss in plan.losses):
            return (
                "weight clipping under bce only weakens the critic. Use the wasserstein loss, or no clipping"
            )
        return None


@hookimpl
def zoo_register_regularizers() -> Iterable[type[Regularizer]]:
    return [WeightClipping]
