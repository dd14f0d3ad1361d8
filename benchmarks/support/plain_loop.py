"""The training loop as widely copied scripts write it: float32, contiguous, eager. What the zoo is measured against.

It shares the recipe's numbers with the zoo, and nothing else. It is spared what such scripts waste on top: its images
are floats in memory, and the critic's fakes carry no graph. It draws its random numbers in the zoo's order, so that
with the same seed and weights it must make the same steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from benchmarks.support.plain_networks import Critic, Generator
from zoo.recipes.optimizers import Adam
from zoo_plugins.losses.gradient_penalty import GradientPenalty
from zoo_plugins.regularizers.weight_clipping import WeightClipping

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.components import Plan
    from zoo.recipes.optimizers import RmsProp
    from zoo_plugins.architectures.dcgan import Dcgan


class PlainLoop:
    """One of the systems of the notes.

    Args:
        plan: its numbers; the losses are the zoo's own.
        pixels: uint8 (N, C, H, W).
    """

    def __init__(self, plan: Plan, pixels: Tensor, device: torch.device) -> None:
        fields = cast("Dcgan", plan.architecture)
        self.images = (pixels.float() / 127.5 - 1).to(device)
        self.device = device
        self.batch, self.dim = plan.training.batch_size, fields.latent_dim
        self.critic_steps = plan.training.critic_steps
        self.adversarial = any(loss.name == "bce" for loss in plan.losses)
        self.penalty = next((loss.weight for loss in plan.losses if isinstance(loss, GradientPenalty)), 0.0)
        self.clip = next((part.limit for part in plan.regularizers if isinstance(part, WeightClipping)), None)
        self.generator, self.critic = Generator(fields).to(device), Critic(fields).to(device)
        for network in (self.generator, self.critic):
            for weight in network.parameters():
                if weight.ndim > 1:
                    nn.init.normal_(weight, 0.0, fields.weight_std)
        self.critic_optimizer = optimizer(plan.recipe.optimizers.critic, self.critic)
        self.generator_optimizer = optimizer(plan.recipe.optimizers.generator, self.generator)

    def iteration(self) -> float:
        """Make the critic's steps and one generator step; return the generator's loss."""
        for _ in range(self.critic_steps):
            fake = self.generator(torch.randn(self.batch, self.dim, device=self.device)).detach()
            chosen = torch.randint(len(self.images), (self.batch,), device=self.device)
            self.critic_step(self.images[chosen], fake)
        scores = self.critic(self.generator(torch.randn(self.batch, self.dim, device=self.device)))
        real = torch.ones_like(scores)
        loss = binary_cross_entropy_with_logits(scores, real) if self.adversarial else -scores.mean()
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        return float(loss.detach())

    def critic_step(self, real: Tensor, fake: Tensor) -> None:
        """Make one step of the critic."""
        real_scores, fake_scores = self.critic(real), self.critic(fake)
        if self.adversarial:
            loss = 0.5 * (
                binary_cross_entropy_with_logits(real_scores, torch.ones_like(real_scores))
                + binary_cross_entropy_with_logits(fake_scores, torch.zeros_like(fake_scores))
            )
        else:
            loss = fake_scores.mean() - real_scores.mean()
        if self.penalty:
            loss = loss + self.penalty * self.gradient_penalty(real, fake)
        self.critic_optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.critic_optimizer.step()
        if self.clip is not None:
            for weight in self.critic.parameters():
                weight.data.clamp_(-self.clip, self.clip)

    def gradient_penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return how far the slopes between real and fake are from one."""
        alpha = torch.rand(len(real), 1, 1, 1, device=self.device)
        mix = (real + alpha * (fake - real)).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(mix).sum(), mix, create_graph=True)
        norms: Tensor = slope.flatten(1).norm(2, dim=1)
        return ((norms - 1) ** 2).mean()


def optimizer(numbers: Adam | RmsProp, network: nn.Module) -> torch.optim.Optimizer:
    """Return torch's optimizer, as it comes."""
    if isinstance(numbers, Adam):
        return torch.optim.Adam(
            network.parameters(), lr=numbers.learning_rate, betas=numbers.betas, eps=numbers.eps
        )
    return torch.optim.RMSprop(
        network.parameters(), lr=numbers.learning_rate, alpha=numbers.rho, eps=numbers.eps
    )
