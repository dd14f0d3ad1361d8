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
    paper: ClassVar[str] = "Arjovsky, Chintala, Bottou, *Wasserstein GAN*, 2017, arXiv:1701.07875, section 3"
    limit: float = Field(default=0.01, gt=0, description="c in the paper")

    @torch.no_grad()
    def after_step(self, critic: nn.Module) -> None:
        """Clip, in place."""
        weights: list[Tensor] = list(critic.parameters())
        torch._foreach_clamp_min_(weights, -self.limit)
        torch._foreach_clamp_max_(weights, self.limit)

    def check(self, plan: Plan) -> str | None:
        """Refuse clipping where scores are logits: no Lipschitz critic is asked for, and clipping only weakens it."""
        logits = next((loss.name for loss in plan.losses if loss.scores_are_logits), None)
        if logits is not None:
            return f"weight clipping under {logits} only weakens the critic. Use the wasserstein loss, or no clipping"
        return None


@hookimpl
def zoo_register_regularizers() -> Iterable[type[Regularizer]]:
    return [WeightClipping]
