"""Trainings that are replayed beside trainings that are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from tests.support.tape import CPU, TapeRecorder
from tests.support.training import leaves
from zoo.data.sampler import Sampler
from zoo.plugins.planning import load_plan
from zoo.training.graph_trainer import WARM_UP, GraphTrainer
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zoo.components import Plan
    from zoo.training.device import Precision

STEPS = WARM_UP + 4
INSTEAD = "an iteration is made kernel by kernel, and not as a CUDA graph: "
PIXELS = torch.randint(0, 256, (32, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(5))


def plan_of(tiny: Path, *changes: str) -> Plan:
    return load_plan(tiny, changes)


def eager_of(plan: Plan, precision: Precision = "fp32") -> Trainer:
    return Trainer(plan, Sampler(PIXELS, torch.arange(32), CPU), CPU, precision)


def unexpected(line: str) -> None:
    raise AssertionError(line)


def recorded_of(
    plan: Plan,
    recorder: TapeRecorder | None = None,
    tell: Callable[[str], None] = unexpected,
    precision: Precision = "fp32",
) -> GraphTrainer:
    return GraphTrainer(
        plan, Sampler(PIXELS, torch.arange(32), CPU), CPU, precision, recorder or TapeRecorder(), tell
    )


def assert_same_training(recorded: Trainer, eager: Trainer, until: int = STEPS) -> None:
    """Figures, weights, averages, optimizers, counts and random numbers: every bit, after every step."""
    for mine, theirs in zip(recorded.steps(until), eager.steps(until), strict=True):
        assert [name for name, _ in mine.scalars] == [name for name, _ in theirs.scalars]
        figures = [torch.stack([value for _, value in step.scalars]) for step in (mine, theirs)]
        assert torch.equal(*figures), mine.number
        one, other = (leaves(trainer.state_dict()) for trainer in (recorded, eager))
        assert one.keys() == other.keys()
        for place, value in one.items():
            assert value == other[place], (mine.number, place)
