"""What the losses and the clipping are in mathematics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from tests.support.networks import ConstantCritic, LinearCritic, critic_batch, generator_batch, noise
from zoo.batch import CriticBatch
from zoo.errors import InputError
from zoo.plugins.planning import load_plan
from zoo_plugins.architectures.dcgan import Dcgan
from zoo_plugins.losses.bce import Bce
from zoo_plugins.losses.gradient_penalty import GradientPenalty
from zoo_plugins.losses.wasserstein import Wasserstein
from zoo_plugins.regularizers.weight_clipping import WeightClipping

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.components import Plan


def test_bce_at_zero_scores_is_ln_2() -> None:
    assert Bce().critic(critic_batch(ConstantCritic(0.0))).item() == pytest.approx(math.log(2), abs=1e-12)
    assert Bce().generator(generator_batch(ConstantCritic(0.0))).item() == pytest.approx(
        math.log(2), abs=1e-12
    )


@pytest.mark.parametrize("score", [-3.0, -0.5, 0.0, 2.0])
def test_bce_is_the_cross_entropy_of_probabilities(score: float) -> None:
    real = -math.log(1 / (1 + math.exp(-score)))
    fake = -math.log(1 - 1 / (1 + math.exp(-score)))

    assert Bce().critic(critic_batch(ConstantCritic(score))).item() == pytest.approx(0.5 * (real + fake))
    assert Bce().generator(generator_batch(ConstantCritic(score))).item() == pytest.approx(real)


def test_bce_is_finite_for_a_critic_that_is_sure() -> None:
    for score in (-1e4, 1e4):
        assert math.isfinite(Bce().critic(critic_batch(ConstantCritic(score))).item())


def test_wasserstein_is_zero_where_the_critic_sees_no_difference() -> None:
    assert Wasserstein().critic(critic_batch(ConstantCritic(7.0))).item() == 0.0
    assert Wasserstein().generator(generator_batch(ConstantCritic(7.0))).item() == -7.0


def test_wasserstein_is_minus_the_gap_between_the_mean_scores() -> None:
    critic = LinearCritic(1.0)
    gap = critic(noise(8, 1)).mean() - critic(noise(8, 2)).mean()

    assert Wasserstein().critic(critic_batch(critic)).item() == pytest.approx(-gap.item())


def test_wasserstein_changes_sign_when_real_and_fake_change_places() -> None:
    critic = LinearCritic(1.0)
    there = CriticBatch(noise(8, 1), noise(8, 2), critic, together=True)
    back = CriticBatch(noise(8, 2), noise(8, 1), critic, together=False)

    assert Wasserstein().critic(there).item() == pytest.approx(-Wasserstein().critic(back).item())


@pytest.mark.parametrize(("norm", "penalty"), [(1.0, 0.0), (2.0, 1.0), (0.0, 1.0), (3.0, 4.0)])
@pytest.mark.parametrize("count", [1, 8, 64])
def test_the_penalty_of_a_linear_critic_depends_on_its_slope_alone(
    norm: float, penalty: float, count: int
) -> None:
    value = GradientPenalty().critic(critic_batch(LinearCritic(norm), count))

    assert value.item() == pytest.approx(penalty, abs=1e-6)


def test_the_penalty_is_the_same_for_any_order_of_the_batch() -> None:
    def critic(images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1).square().sum(1)

    order = torch.randperm(16, generator=torch.Generator().manual_seed(3))
    real, fake = noise(16, 1), noise(16, 2)
    torch.manual_seed(0)
    torch.rand(16, 1, 1, 1)
    values = []
    for chosen in (torch.arange(16), order):
        # x = real = fake: whichever point between them is drawn is that image, so only the order differs.
        batch = CriticBatch(real[chosen], real[chosen], critic, together=True)
        values.append(GradientPenalty().critic(batch).item())
    assert values[0] == pytest.approx(values[1])
    assert not torch.equal(real, fake)


def test_the_penalty_draws_one_point_an_image() -> None:
    seen: list[torch.Tensor] = []

    def critic(images: torch.Tensor) -> torch.Tensor:
        seen.append(images.detach())
        return images.flatten(1).sum(1)

    real, fake = torch.zeros(64, 1, 4, 4), torch.ones(64, 1, 4, 4)
    GradientPenalty().critic(CriticBatch(real, fake, critic, together=True))
    place = seen[0].flatten(1)

    assert torch.equal(place, place[:, :1].expand_as(place)), "one alpha for all pixels of an image"
    assert len(set(place[:, 0].tolist())) == 64, "another alpha for each image"
    assert 0 <= place.min() < 0.2 < 0.8 < place.max() <= 1, "uniform between real and fake"


def test_the_penalty_teaches_the_critic() -> None:
    critic = LinearCritic(2.0)
    GradientPenalty().critic(critic_batch(critic)).backward()  # type: ignore[no-untyped-call]

    assert critic.weight.grad is not None
    # (||w|| - 1)^2 has the gradient 2 (||w|| - 1) w / ||w||.
    assert torch.allclose(critic.weight.grad, critic.weight.detach(), atol=1e-6)


def test_the_penalty_has_no_generator_side() -> None:
    assert GradientPenalty().has_critic_side()
    assert not GradientPenalty().has_generator_side()


def test_clipping_bounds_every_weight_and_does_it_once() -> None:
    critic = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(16, 1))
    WeightClipping(limit=0.01).after_step(critic)
    once = [weight.clone() for weight in critic.parameters()]
    WeightClipping(limit=0.01).after_step(critic)

    assert all(weight.abs().max() <= 0.01 for weight in once)
    assert any((weight.abs() == 0.01).any() for weight in once)
    assert all(torch.equal(before, now) for before, now in zip(once, critic.parameters(), strict=True))


def test_clipping_leaves_small_weights_alone() -> None:
    critic = nn.Linear(4, 1)
    nn.init.constant_(critic.weight, 0.005)
    nn.init.constant_(critic.bias, -0.5)
    WeightClipping(limit=0.01).after_step(critic)

    assert torch.equal(critic.weight, torch.full((1, 4), 0.005))
    assert critic.bias.item() == pytest.approx(-0.01)


UNHELD = (
    "tiny.toml [losses.0]: nothing holds the critic Lipschitz, so its scores grow without bound. "
    "Add the weight-clipping regularizer or the gradient-penalty loss"
)


def plan_of(recipe: Path, *changes: str) -> Plan:
    return load_plan(recipe, changes)


@pytest.mark.parametrize(
    "change",
    [
        "losses=[{name='wasserstein'}]",
        "losses=[{name='wasserstein'}, {name='wasserstein', weight=2.0}]",
        "losses.1.weight=0",
    ],
)
def test_wasserstein_refuses_a_critic_that_nothing_holds(tiny: Path, change: str) -> None:
    with pytest.raises(InputError) as caught:
        plan_of(tiny, change)
    assert str(caught.value) == UNHELD


def test_wasserstein_takes_a_critic_held_by_clipping_or_by_a_penalty(tiny: Path) -> None:
    clipped = plan_of(tiny, "losses=[{name='wasserstein'}]", "regularizers=[{name='weight-clipping'}]")
    for plan in (clipped, plan_of(tiny)):
        assert plan.losses[0].check(plan) is None


def test_wasserstein_takes_a_critic_held_by_its_own_layers(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def critic(_: Dcgan) -> nn.Module:
        return nn.Sequential(nn.Flatten(), spectral_norm(nn.Linear(784, 1)), nn.Flatten(0))

    monkeypatch.setattr(Dcgan, "critic", critic)
    assert len(plan_of(tiny, "losses=[{name='wasserstein'}]").losses) == 1
