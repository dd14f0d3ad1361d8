"""Replaying an iteration: bit for bit what the iteration does, or not at all."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import torch

from tests.tape import CPU, Tape, TapeRecorder
from zoo.components import Augmentation, Loss
from zoo.errors import InputError
from zoo.plan import Plan, make_plan
from zoo.plugins import load_registry
from zoo.recipe import read_recipe
from zoo.recording import WARM_UP, RecordedTrainer
from zoo.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor

    from zoo.batch import CriticBatch
    from zoo.descent import Trail
    from zoo.recording import Replay, Work

STEPS = WARM_UP + 4
PIXELS = torch.randint(0, 256, (32, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))
SEPARATELY = "not as a CUDA graph: "


def plan_of(tiny: Path, *changes: str) -> Plan:
    return make_plan(read_recipe(tiny, changes), load_registry(), "tiny.toml")


def eager_of(plan: Plan) -> Trainer:
    return Trainer(plan, PIXELS, torch.arange(32), CPU)


def recorded_of(
    plan: Plan, recorder: TapeRecorder | None = None, tell: Callable[[str], None] | None = None
) -> RecordedTrainer:
    def unexpected(line: str) -> None:
        raise AssertionError(line)

    return RecordedTrainer(
        plan, PIXELS, torch.arange(32), CPU, "fp32", recorder or TapeRecorder(), tell or unexpected
    )


def assert_same_training(recorded: Trainer, eager: Trainer, until: int = STEPS) -> None:
    """Figures, weights, averages, optimizers, counts and random numbers: every bit, after every step."""
    for mine, theirs in zip(recorded.steps(until), eager.steps(until), strict=True):
        assert [name for name, _ in mine.trail] == [name for name, _ in theirs.trail]
        figures = [torch.stack([value for _, value in step.trail]) for step in (mine, theirs)]
        assert torch.equal(*figures), mine.number
        one, other = (leaves(trainer.state_dict()) for trainer in (recorded, eager))
        assert one.keys() == other.keys()
        for place, value in one.items():
            same = torch.equal(value, other[place]) if torch.is_tensor(value) else value == other[place]
            assert same, (mine.number, place)


def leaves(state: Any, place: str = "") -> dict[str, Any]:
    if not isinstance(state, (dict, list, tuple)):
        return {place: state}
    inside = state if isinstance(state, dict) else dict(enumerate(state))
    return {
        name: leaf for key, value in inside.items() for name, leaf in leaves(value, f"{place}.{key}").items()
    }


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("training.accumulate=2",),
        ('losses=[{name="bce"}]', "training.critic_steps=1", "architecture.critic_dropout=0.4"),
        ('losses=[{name="wasserstein"}]', 'regularizers=[{name="weight-clipping"}]'),
        ('augmentations=[{name="affine"}]', 'optimizers.critic={name="rmsprop", learning_rate=5e-5}'),
    ],
    ids=["wgangp", "accumulate", "gan", "wgan", "affine-rmsprop"],
)
def test_replays_are_the_iteration_bit_for_bit(tiny: Path, changes: tuple[str, ...]) -> None:
    recorder = TapeRecorder()
    trainer = recorded_of(plan_of(tiny, *changes), recorder)
    assert_same_training(trainer, eager_of(plan_of(tiny, *changes)))

    assert trainer.recorded
    assert (recorder.performed, len(recorder.tapes)) == (WARM_UP, 1)


def test_losses_with_an_interval_make_a_recording_for_each_kind_of_iteration(tiny: Path) -> None:
    recorder = TapeRecorder()
    plan = plan_of(tiny, "losses.1.interval=2")
    assert_same_training(recorded_of(plan, recorder), eager_of(plan), 2 * STEPS)

    assert len(recorder.tapes) == 2


def test_figures_of_a_step_outlive_the_next_replay(tiny: Path) -> None:
    plan = plan_of(tiny)
    mine, theirs = (
        torch.stack([torch.stack([value for _, value in step.trail]) for step in list(trainer.steps(STEPS))])
        for trainer in (recorded_of(plan), eager_of(plan))
    )

    assert torch.equal(mine, theirs)
    assert len({tuple(row) for row in mine.tolist()}) == STEPS


def test_a_checkpoint_is_gone_on_from_by_a_new_recording(tiny: Path) -> None:
    plan, recorder = plan_of(tiny), TapeRecorder()
    recorded, eager = recorded_of(plan, recorder), eager_of(plan)
    assert_same_training(recorded, eager)
    state = copied(eager.state_dict())
    assert_same_training(recorded, eager, STEPS + 2)
    recorded.load_state_dict(copied(state))
    eager.load_state_dict(state)
    assert_same_training(recorded, eager, STEPS + 3)

    assert len(recorder.tapes) == 2


def copied(state: Any) -> Any:
    if isinstance(state, dict):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [copied(value) for value in state]
    return state.clone() if torch.is_tensor(state) else state


def test_slower_learning_rates_are_not_the_recorded_ones(tiny: Path) -> None:
    plan = plan_of(tiny)
    recorded, eager = recorded_of(plan), eager_of(plan)
    assert_same_training(recorded, eager)
    for trainer in (recorded, eager):
        trainer.slow_down(0.5)
    assert_same_training(recorded, eager, STEPS + 2)


class Whimsical(Augmentation):
    """Draws from Python's random numbers, of which a recording would hold one for good."""

    name: ClassVar[str] = "whimsical"

    def augment(self, images: Tensor) -> Tensor:
        return images * random.uniform(0.9, 1.0)


class Curious(Loss):
    """Reads a tensor while it makes the loss."""

    name: ClassVar[str] = "curious"

    def critic(self, batch: CriticBatch) -> Tensor:
        return batch.real_scores.mean() * float(batch.fake_scores.mean() > 0)


@pytest.mark.parametrize(
    ("component", "table", "reason"),
    [
        (Whimsical, "augmentations", "a component draws random numbers that are not the GPU's"),
        (
            Curious,
            "losses",
            "it cannot be recorded (aten::_local_scalar_dense is not permitted when stream is capturing)",
        ),
    ],
)
def test_what_cannot_be_recorded_is_trained_kernel_by_kernel(
    tiny: Path, component: type[Augmentation | Loss], table: str, reason: str
) -> None:
    told: list[str] = []
    plans = [with_component(plan_of(tiny), table, component()) for _ in range(2)]
    trainer = recorded_of(plans[0], tell=told.append)
    assert_same_training(trainer, eager_of(plans[1]))

    assert told == [f"an iteration is made kernel by kernel, and {SEPARATELY}{reason}"]
    assert not trainer.recorded


def with_component(plan: Plan, table: str, component: Augmentation | Loss) -> Plan:
    return replace(plan, **{table: (*getattr(plan, table), component)})  # type: ignore[arg-type]


class Forgetful(TapeRecorder):
    """Leaves the last third of its tape out, as a recording of stale memory would."""

    def record(self, work: Work) -> tuple[Trail, Replay]:
        trail, replay = super().record(work)
        del self.tapes[-1].played[-len(self.tapes[-1].played) // 3 :]
        return trail, replay


class Monotonous(TapeRecorder):
    """Plays with the same random numbers again and again."""

    def record(self, work: Work) -> tuple[Trail, Replay]:
        trail, replay = super().record(work)

        def again() -> None:
            torch.manual_seed(0)
            replay()

        return trail, again


@pytest.mark.parametrize("recorder", [Forgetful, Monotonous])
def test_a_recording_that_does_something_else_is_not_kept(tiny: Path, recorder: type[TapeRecorder]) -> None:
    told: list[str] = []
    plan = plan_of(tiny)
    trainer = recorded_of(plan, recorder(), told.append)
    assert_same_training(trainer, eager_of(plan))

    assert len(told) == 1
    assert told[0].startswith(f"an iteration is made kernel by kernel, and {SEPARATELY}a replay ends ")
    assert not trainer.recorded


class Broken(TapeRecorder):
    """Cannot record."""

    def record(self, work: Work) -> tuple[Trail, Replay]:  # noqa: ARG002
        raise RuntimeError("CUDA error: operation not permitted\nMore that nobody wants to read")


def test_a_recording_that_fails_ends_the_training_with_the_way_out(tiny: Path) -> None:
    trainer = recorded_of(plan_of(tiny), Broken())
    list(trainer.steps(WARM_UP))

    with pytest.raises(InputError) as caught:
        trainer.train_step()
    assert str(caught.value) == (
        f"step {WARM_UP + 1}: the iteration cannot be recorded as a CUDA graph (CUDA error: operation not permitted). "
        "Go on with `zoo resume --eager`"
    )


def test_a_diverged_iteration_says_so_itself(tiny: Path) -> None:
    trainer = recorded_of(plan_of(tiny))
    list(trainer.steps(WARM_UP))
    with torch.no_grad():
        next(trainer.critic.parameters()).fill_(float("nan"))
    step = trainer.train_step()

    assert not torch.stack([value for _, value in step.trail]).isfinite().all()


@pytest.mark.parametrize("recipe", sorted(load_registry().recipes()))
def test_no_recipe_waits_for_the_device_or_makes_a_tensor_elsewhere(
    recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a GPU could not record. A tensor made without a device would be the CPU's there; here it has no memory."""
    monkeypatch.setattr("zoo.convolutions.LANES", 0)  # what only CPUs do
    registry = load_registry()
    small = ("training.batch_size=2", "training.critic_steps=1", 'augmentations=[{name="affine"}]')
    plan = make_plan(read_recipe(registry.recipe(recipe), small), registry, recipe)
    pixels = torch.zeros(4, *plan.architecture.image_shape, dtype=torch.uint8)
    trainer = Trainer(plan, pixels, torch.arange(4), CPU)
    trainer.train_step()  # in which optimizers make their moments
    with torch.device("meta"), Tape():
        step = trainer.train_step()

    assert torch.stack([value for _, value in step.trail]).isfinite().all()
