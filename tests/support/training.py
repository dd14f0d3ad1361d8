"""Plans, trainers and what they hold, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from zoo.data.sampler import Sampler
from zoo.plugins.planning import load_plan
from zoo.recipes.tables import flattened
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from zoo.components import Plan

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="it needs an NVIDIA GPU")


def plan_of(tiny: Path, *changes: str) -> Plan:
    return load_plan(tiny, changes)


def trainer_of(plan: Plan) -> Trainer:
    pixels = torch.randint(
        0, 256, (32, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(5)
    )
    return Trainer(plan, Sampler(pixels, torch.arange(32), torch.device("cpu")), torch.device("cpu"))


def copies(network: nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def leaves(state: Any) -> dict[str, Any]:
    """Return a nest of tensors and values as one level, tensors as bytes."""
    return {
        key: value.contiguous().numpy().tobytes() if isinstance(value, torch.Tensor) else value
        for key, value in flattened(state).items()
    }
