"""A training that would take more memory than is free is refused before anything of it is made, and says what fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

import pytest
import torch
from torch import nn

from tests.conftest import TINY
from tests.support.training import plan_of
from zoo.components import Augmentation, Loss
from zoo.errors import ResourceError
from zoo.training import memory
from zoo.training.memory import TooMuchError, free_memory, need_of, refuse_without_memory

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from tests.support.cli_fixtures import Zoo
    from zoo.batch import CriticBatch

pytest_plugins = ["tests.support.cli_fixtures"]

CPU = torch.device("cpu")
PLENTY = 1 << 40


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list whose last entry is what is free."""
    left = [PLENTY]
    monkeypatch.setattr(memory, "free_memory", lambda _: left[-1])
    return left


@pytest.mark.parametrize("changes", [(), ("training.accumulate=4",)])
def test_it_is_refused_beyond_what_is_free_and_nothing_is_said_when_it_fits(
    tiny: Path, free: list[int], changes: tuple[str, ...]
) -> None:
    plan = plan_of(tiny, "training.batch_size=4096", *changes)
    taken = need_of(plan, PLENTY).bytes(4096, plan.training.accumulate)
    for enough in (taken + 1, taken):
        free.append(enough)
        refuse_without_memory(plan, CPU)
    free.append(taken - 1)
    with pytest.raises(
        ResourceError, match=r"tiny.toml \[training\]: batch_size 4096 takes about \S+ [MG]B of memory"
    ):
        refuse_without_memory(plan, CPU)


@pytest.mark.parametrize("gigabytes", [0.05, 0.3, 2])
def test_what_it_advises_fits(tiny: Path, free: list[int], gigabytes: float) -> None:
    free.append(int(gigabytes * 1e9))
    plan = plan_of(tiny, "training.batch_size=65536")
    with pytest.raises(ResourceError) as caught:
        refuse_without_memory(plan, CPU)
    advised = re.findall(r"--set (\S+=\d+)", str(caught.value))
    assert advised[0].startswith("training.batch_size=")
    refuse_without_memory(plan_of(tiny, advised[0]), CPU)
    for more in advised[1:]:
        refuse_without_memory(plan_of(tiny, "training.batch_size=65536", more), CPU)
    assert len(advised) == (1 if gigabytes < 1 else 2)


def test_large_networks_are_refused_by_their_weights_alone(tiny: Path, free: list[int]) -> None:
    free.append(100 << 20)
    layers = ("critic_filters=[512, 2048]", "critic_strides=[2, 2]")
    with pytest.raises(
        ResourceError, match=r"takes over \S+ [MG]B of memory, and 105 MB are free. Make its layers"
    ):
        refuse_without_memory(plan_of(tiny, *(f"architecture.{layer}" for layer in layers)), CPU)


def test_finding_out_takes_no_more_than_it_may(tiny: Path) -> None:
    plan = plan_of(tiny)
    least = need_of(plan, PLENTY).fixed
    with pytest.raises(TooMuchError):
        need_of(plan, least)


def test_ranks_share_the_batch_and_a_machine_its_memory(
    tiny: Path, free: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(tiny, "training.batch_size=4096")
    free.append(need_of(plan, PLENTY).bytes(2048))
    refuse_without_memory(plan, CPU, ranks=2)  # on another machine
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(ResourceError):
        refuse_without_memory(plan, CPU, ranks=2)


class Counting(Augmentation):
    """Counts how often it is asked."""

    name: ClassVar[str] = "counting"
    _asked: int = 0

    def augment(self, images: Tensor) -> Tensor:
        self._asked += 1
        return images


class Broken(Loss):
    """Cannot be asked."""

    name: ClassVar[str] = "broken"

    def critic(self, batch: CriticBatch) -> Tensor:
        raise ValueError(batch)


def test_parts_are_left_as_they_were_and_broken_ones_to_whoever_says_it_better(
    tiny: Path, free: list[int]
) -> None:
    from dataclasses import replace

    counting = Counting()
    plan = replace(plan_of(tiny), augmentations=(counting,))
    refuse_without_memory(plan, CPU)
    assert counting._asked == 0
    free.append(1 << 30)
    refuse_without_memory(replace(plan, losses=(Broken(),)), CPU)


def test_what_is_kept_grows_with_the_batch_and_counts_each_array_once() -> None:
    first, second = nn.Linear(1000, 1000), nn.Linear(1000, 1000)
    kept = memory._Kept((first, second), PLENTY)
    images = torch.zeros(10, 1000)
    with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda tensor: tensor):
        torch.tanh(second(torch.tanh(first(images)))).sum()
    assert kept.bytes == pytest.approx(memory.BESIDE * (3 + memory.BACKWARD) * images.nbytes, abs=1)


def test_what_is_free_is_known_here() -> None:
    found = free_memory(CPU)
    assert found is None or 0 < found < PLENTY


def test_a_recipe_that_asks_for_too_much_leaves_nothing_behind(
    tmp_path: Path, free: list[int], zoo: Zoo
) -> None:
    (tmp_path / "r.toml").write_text(TINY)
    free.append(500 << 20)
    ran = zoo("train", tmp_path / "r.toml", "--set", "training.batch_size=65536", "--out", tmp_path / "run")
    assert (ran.code, ran.err.count("\n")) == (5, 1)
    assert "batch_size 65536 takes about " in ran.error
    assert " and 524 MB are free. Use --set training.batch_size=" in ran.error
    assert [path.name for path in tmp_path.iterdir()] == ["r.toml"]
