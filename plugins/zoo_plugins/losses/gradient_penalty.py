"""The penalty of WGAN-GP."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field

from zoo.components import Loss
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from zoo.batch import CriticBatch
    from zoo.components import Plan


class GradientPenalty(Loss):
    """Hold the critic's slope near one between real and fake (Gulrajani et al. 2017, eq. 3)."""

    name: ClassVar[str] = "gradient-penalty"
    paper: ClassVar[str] = (
        "Gulrajani et al., *Improved Training of Wasserstein GANs*, 2017, arXiv:1704.00028, section 4"
    )
    slope_target: ClassVar[float | None] = 1.0
    weight: float = Field(default=10.0, ge=0, description="lambda in the paper")

    def critic(self, batch: CriticBatch) -> Tensor:
        """Return the mean over the batch of (||grad D(x)|| - 1)^2, one random x per pair of real and fake."""
        mix = torch.lerp(batch.real, batch.fake, torch.rand_like(batch.real[:, :1, :1, :1])).requires_grad_()
        (slope,) = torch.autograd.grad(batch.score(mix).sum(), mix, create_graph=True)
        norms: Tensor = torch.linalg.vector_norm(slope.flatten(1).float(), dim=1)
        return (norms - 1).square().mean()

    def check(self, plan: Plan) -> str | None:
        """Refuse batch norm in the critic: it ties the images of a batch together (the paper's section 4)."""
        if plan.architecture.critic_ties_batch:
            return (
                "the critic has batch norm, which ties the images of a batch together, so that no image has a "
                "gradient of its own. Use a critic without it"
            )
        return None


@hookimpl
def zoo_register_losses() -> Iterable[type[Loss]]:
    return [GradientPenalty]
