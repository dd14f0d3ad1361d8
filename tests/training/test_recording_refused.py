"""What is not recorded: the training goes on as if it had never been tried."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

import pytest
import torch
from torch import nn

from tests.support.recorded import INSTEAD, assert_same_training, eager_of, plan_of, recorded_of
from tests.support.tape import TapeRecorder
from zoo.components import Augmentation, Loss
from zoo.errors import ResourceError
from zoo.training.graph_trainer import WARM_UP

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from zoo.batch import CriticBatch
    from zoo.components import Plan
    from zoo.training.graph_trainer import Replay, Work
    from zoo.training.step import Scalars


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

    assert told == [INSTEAD + reason]
    assert not trainer.uses_graph


def with_component(plan: Plan, table: str, component: Augmentation | Loss) -> Plan:
    return replace(plan, **{table: (*getattr(plan, table), component)})  # type: ignore[arg-type]


class Drifting(nn.Module):
    """Puts another tensor in its buffer's place every time."""

    mean: Tensor

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.inner(x)
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * made.detach().mean()
        return made


@pytest.mark.parametrize("curious", [False, True])
def test_a_network_that_replaces_its_buffers_is_not_recorded(tiny: Path, curious: bool) -> None:
    told: list[str] = []
    plan = plan_of(tiny)
    plan = with_component(plan, "losses", Curious()) if curious else plan
    recorded, eager = recorded_of(plan, tell=told.append), eager_of(plan)
    for trainer in (recorded, eager):
        for network in (trainer.generator, trainer.ema.module):
            dense = cast("nn.Sequential", network.dense)
            dense[0] = Drifting(dense[0])
    assert_same_training(recorded, eager)

    assert len(told) == 1
    reason = (
        "it cannot be recorded"
        if curious
        else "another tensor takes the place of one of the generator's stat"
    )
    assert told[0].startswith(INSTEAD + reason)


class Adaptive(Augmentation):
    """Counts."""

    name: ClassVar[str] = "adaptive"

    def augment(self, images: Tensor) -> Tensor:
        return images

    def state(self) -> nn.Module:
        return nn.Linear(1, 1)


def test_a_component_that_counts_is_not_recorded(tiny: Path) -> None:
    told: list[str] = []
    plan = with_component(plan_of(tiny), "augmentations", Adaptive())

    assert not recorded_of(plan, tell=told.append).uses_graph
    assert told == [f"{INSTEAD}augmentations.0 learns or counts while it trains"]


class Broken(TapeRecorder):
    """Cannot record, and cannot end it either, as CUDA does."""

    def capture(self, work: Work) -> tuple[Scalars, Replay]:  # noqa: ARG002
        try:
            raise RuntimeError("CUDA error: operation not permitted\nMore that nobody wants to read")
        except RuntimeError:
            raise RuntimeError("operation failed due to a previous error during capture")  # noqa: B904


def test_a_recording_that_fails_ends_the_training_with_the_way_out(tiny: Path) -> None:
    trainer = recorded_of(plan_of(tiny), Broken())
    list(trainer.steps(WARM_UP))

    with pytest.raises(ResourceError) as caught:
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

    assert not torch.stack([value for _, value in step.scalars]).isfinite().all()
