"""One training step: who learns, from what, and what is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from tests.support.training import copies, plan_of, trainer_of
from zoo.data.sampler import Sampler
from zoo.recipes.optimizers import Adam, RmsProp
from zoo.training.state_check import _check_optimizer
from zoo.training.step import slots
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor


def same(before: list[Tensor], network: nn.Module) -> bool:
    return all(torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))


def test_the_critics_step_changes_no_generator_weight(tiny: Path) -> None:
    trainer = trainer_of(plan_of(tiny))
    critic, generator = copies(trainer.critic), copies(trainer.generator)
    trainer._critic_step()

    assert same(generator, trainer.generator)
    assert not same(critic, trainer.critic)
    assert all(weight.grad is None for weight in trainer.generator.parameters())


def test_the_generators_step_changes_no_critic_weight(tiny: Path) -> None:
    trainer = trainer_of(plan_of(tiny))
    critic, generator = copies(trainer.critic), copies(trainer.generator)
    trainer._generator_step()

    assert same(critic, trainer.critic)
    assert not same(generator, trainer.generator)
    assert all(weight.grad is None and weight.requires_grad for weight in trainer.critic.parameters())


def test_an_iteration_is_n_critic_steps_and_one_generator_step(tiny: Path) -> None:
    trainer = trainer_of(plan_of(tiny, "training.critic_steps=3"))
    made: list[str] = []
    for side in ("critic", "generator"):
        optimizer = getattr(trainer, f"{side}_optimizer")
        optimizer.register_step_post_hook(lambda *_, side=side: made.append(side))
    done = list(trainer.steps(2))

    assert made == ["critic", "critic", "critic", "generator"] * 2
    assert [step.number for step in done] == [1, 2]


def test_the_losses_are_summed_with_their_weights(tiny: Path) -> None:
    step = trainer_of(plan_of(tiny, "losses.1.weight=4")).train_step()
    parts = step.losses["critic.wasserstein"] + 4 * step.losses["critic.gradient-penalty"]

    assert step.losses["critic"].item() == pytest.approx(parts.item(), rel=1e-5)
    assert step.losses["generator"].item() == pytest.approx(step.losses["generator.wasserstein"].item())


def test_a_loss_with_an_interval_is_left_out_between_and_stronger_when_it_counts(tiny: Path) -> None:
    steps = list(trainer_of(plan_of(tiny, "losses.1.interval=3", "training.critic_steps=1")).steps(4))
    counted = ["critic.gradient-penalty" in step.losses for step in steps]

    assert counted == [True, False, False, True]
    parts = steps[0].losses["critic.wasserstein"] + 3 * 10 * steps[0].losses["critic.gradient-penalty"]
    assert steps[0].losses["critic"].item() == pytest.approx(parts.item(), rel=1e-5)


def test_weight_clipping_holds_after_every_step(tiny: Path) -> None:
    changes = ('losses=[{name="wasserstein"}]', 'regularizers=[{name="weight-clipping", limit=0.01}]')
    trainer = trainer_of(plan_of(tiny, *changes))
    for _ in trainer.steps(2):
        assert all(weight.abs().max() <= 0.01 for weight in trainer.critic.parameters())


def test_the_same_seed_makes_the_same_weights(tiny: Path) -> None:
    first, second, other = (trainer_of(plan_of(tiny, f"training.seed={seed}")) for seed in (1, 1, 2))
    runs = []
    for trainer in (first, second, other):
        torch.manual_seed(trainer.plan.training.seed)
        list(trainer.steps(2))
        runs.append(copies(trainer.generator))

    assert all(torch.equal(mine, theirs) for mine, theirs in zip(runs[0], runs[1], strict=True))
    assert not all(torch.equal(mine, theirs) for mine, theirs in zip(runs[0], runs[2], strict=True))


def test_real_and_fake_scored_together_or_apart_are_the_same(tiny: Path) -> None:
    together, apart = trainer_of(plan_of(tiny)), trainer_of(plan_of(tiny))
    apart._together = False
    values = []
    for trainer in (together, apart):
        torch.manual_seed(0)
        values.append(dict(trainer._critic_step())["critic"].item())

    assert values[0] == pytest.approx(values[1], rel=1e-4)


def test_bfloat16_keeps_losses_weights_and_optimizer_state_in_float32(tiny: Path) -> None:
    plan = plan_of(tiny)
    pixels = torch.zeros(8, 1, 28, 28, dtype=torch.uint8)
    trainer = Trainer(
        plan, Sampler(pixels, torch.arange(8), torch.device("cpu")), torch.device("cpu"), "bf16"
    )
    step = trainer.train_step()

    assert all(value.dtype == torch.float32 for value in step.losses.values())
    assert all(weight.dtype == torch.float32 for weight in trainer.generator.parameters())
    states: list[dict[str, Any]] = list(trainer.critic_optimizer.state.values())
    assert all(slot.dtype == torch.float32 for state in states for slot in state.values())


def test_real_images_are_scaled_to_the_generators_range(tiny: Path) -> None:
    pixels = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 1, 28, 28)
    trainer = Trainer(
        plan_of(tiny), Sampler(pixels, torch.arange(2), torch.device("cpu")), torch.device("cpu")
    )

    assert set(trainer._real(2).flatten().tolist()) == {-1.0, 1.0}


def test_only_the_training_images_are_drawn(tiny: Path) -> None:
    pixels = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 1, 28, 28)
    trainer = Trainer(
        plan_of(tiny, "training.batch_size=200"),
        Sampler(pixels, torch.tensor([2, 7]), torch.device("cpu")),
        torch.device("cpu"),
    )
    drawn = ((trainer._real(200) + 1) * 127.5).round()

    assert set(drawn.flatten().tolist()) == {2.0, 7.0}


def test_a_state_taken_and_given_back_goes_on_bit_for_bit(tiny: Path) -> None:
    straight, broken = trainer_of(plan_of(tiny)), trainer_of(plan_of(tiny))
    torch.manual_seed(0)
    list(straight.steps(4))
    torch.manual_seed(0)
    list(broken.steps(2))
    state = broken.state_dict()
    state = {key: {k: v.clone() for k, v in value.items()} if key in ("generator", "critic", "ema") else value
             for key, value in state.items()}  # fmt: skip
    resumed = trainer_of(plan_of(tiny))
    resumed.load_state_dict(state)
    list(resumed.steps(4))

    for side in ("generator", "critic"):
        assert same(copies(getattr(straight, side)), getattr(resumed, side))
    assert same(copies(straight.ema.module), resumed.ema.module)


def test_a_loss_that_a_recipe_has_twice_counts_twice(tiny: Path) -> None:
    twice = 'losses=[{name="wasserstein"}, {name="gradient-penalty"}, {name="gradient-penalty", weight=2}]'
    losses = trainer_of(plan_of(tiny, twice, "training.critic_steps=1")).train_step().losses
    parts = losses["critic.wasserstein"] + 10 * losses["critic.gradient-penalty"]
    parts = parts + 2 * losses["critic.gradient-penalty.1"]

    assert losses["critic"].item() == pytest.approx(parts.item(), rel=1e-5)


def test_what_an_architecture_froze_stays_frozen(tiny: Path) -> None:
    trainer = trainer_of(plan_of(tiny))
    name, frozen = next(iter(trainer.critic.named_parameters()))
    frozen.requires_grad_(False)
    before = frozen.clone()
    list(trainer.steps(2))

    assert torch.equal(frozen, before), name
    assert not frozen.requires_grad


@pytest.mark.parametrize(
    "recipe", [Adam(name="adam", learning_rate=1), RmsProp(name="rmsprop", learning_rate=1)]
)
def test_what_an_optimizer_will_keep_is_known_before_its_first_step(recipe: Adam | RmsProp) -> None:
    network = nn.Module()
    for index, shape in enumerate([(), (1,), (2,), (1, 1), (3, 2)]):
        network.register_parameter(f"weight{index}", nn.Parameter(torch.zeros(shape)))
    optimizer = recipe.make(network.parameters())
    for weight in network.parameters():
        weight.grad = torch.zeros_like(weight)
    optimizer.step()

    def look(kept: dict[int, dict[str, Tensor]]) -> dict[int, dict[str, tuple[torch.Size, torch.dtype]]]:
        return {
            index: {key: (value.shape, value.dtype) for key, value in values.items()}
            for index, values in kept.items()
        }

    assert look(slots(recipe, network)) == look(optimizer.state_dict()["state"])
    _check_optimizer("critic_optimizer", recipe, network, optimizer.state_dict())
