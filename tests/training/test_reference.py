"""The trainer against a plain loop that shares nothing with it but the recipe's numbers: step by step the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from benchmarks.support.plain_loop import PlainLoop
from zoo.data.sampler import Sampler
from zoo.plugins.planning import load_plan
from zoo.training.random_state import restore_random_state
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import nn

STEPS = 5
CPU = torch.device("cpu")
SMALL = (
    "training.batch_size=8",
    # Dropout would be drawn for real and fake images at once.
    "architecture.critic_dropout=0.0",
    # Adam and RMSprop divide rounding by itself where a gradient is all but zero.
    "optimizers.critic.eps=1e-3",
    "optimizers.generator.eps=1e-3",
)
NARROW = {
    "camel": ("initial=[7,7,8]", "generator_filters=[16,8,8,1]", "critic_filters=[8,8,16,16]"),
    "horse": ("initial=[4,4,16]", "generator_filters=[16,8,8,3]", "critic_filters=[8,8,16,16]"),
    "face": ("initial=[4,4,32]", "generator_filters=[16,8,8,3]", "critic_filters=[8,8,16,16]"),
}


def same_weights(to: nn.Module, of: nn.Module) -> None:
    with torch.no_grad():
        for mine, theirs in zip(to.parameters(), of.parameters(), strict=True):
            mine.copy_(theirs)


def furthest(one: nn.Module, other: nn.Module) -> float:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return max(float((mine - theirs).abs().max()) for mine, theirs in pairs)


@pytest.mark.parametrize("method", ["gan", "wgan", "wgangp"])
@pytest.mark.parametrize("subject", list(NARROW))
def test_every_step_is_the_plain_loops(subject: str, method: str) -> None:
    """Equal to 1e-5, weights and batch-norm statistics, after each of five steps; the critic moves 100 times as far."""
    name = f"{subject}-{method}"
    changes = (*SMALL, *(f"architecture.{change}" for change in NARROW[subject]))
    plan = load_plan(name, changes)
    shape = (64, *plan.architecture.image_shape)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    trainer = Trainer(plan, Sampler(pixels, torch.arange(64), CPU), CPU)
    plain = PlainLoop(plan, pixels, CPU)
    same_weights(plain.generator, trainer.generator)
    same_weights(plain.critic, trainer.critic)
    start = [weight.detach().clone() for weight in trainer.critic.parameters()]
    for step in range(1, STEPS + 1):
        random = trainer.state_dict()["random"]
        loss = float(trainer.train_step().losses["generator"])
        restore_random_state(random, CPU)

        assert plain.iteration() == pytest.approx(loss, abs=1e-5), step
        assert furthest(plain.generator, trainer.generator) < 1e-5, step
        assert furthest(plain.critic, trainer.critic) < 1e-5, step
    moved = max(
        float((new.detach() - old).abs().max())
        for new, old in zip(trainer.critic.parameters(), start, strict=True)
    )
    assert moved > 1e-3
