"""A training that would take more memory than is free is refused before anything of it is made, and says what fits."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, get_args

import pytest
import torch
from torch import nn

from tests.conftest import TINY
from tests.support.training import plan_of
from zoo.components import Augmentation, Loss
from zoo.errors import NoMemoryError, ResourceError
from zoo.plugins.planning import load_plan
from zoo.system import disk_space
from zoo.system.disk_space import left_to_group, physical_memory, usable_memory
from zoo.training.device import Precision
from zoo.training.memory import need, refusal, trial
from zoo.training.memory.need import need_of
from zoo.training.memory.refusal import free_memory, refuse_without_memory
from zoo.training.memory.trial import TooMuchError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from tests.support.cli_fixtures import Zoo
    from zoo.batch import CriticBatch

pytest_plugins = ["tests.support.cli_fixtures"]

CPU, GPU = torch.device("cpu"), torch.device("cuda")
PLENTY = 1 << 40


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list whose last entry is what is free."""
    left = [PLENTY]
    monkeypatch.setattr(refusal, "free_memory", lambda _: left[-1])
    return left


@pytest.mark.parametrize("changes", [(), ("training.accumulate=4",)])
def test_it_is_refused_beyond_what_is_free_and_nothing_is_said_when_it_fits(
    tiny: Path, free: list[int], changes: tuple[str, ...]
) -> None:
    plan = plan_of(tiny, "training.batch_size=4096", *changes)
    taken = need_of(plan, PLENTY).bytes(4096, plan.training.accumulate)
    for enough in (taken + 1, taken):
        free.append(enough)
        refuse_without_memory(plan, CPU, "fp32")
    free.append(taken - 1)
    with pytest.raises(
        ResourceError, match=r"tiny.toml \[training\]: batch_size 4096 takes about \S+ [MG]B of memory"
    ):
        refuse_without_memory(plan, CPU, "fp32")


@pytest.mark.parametrize("gigabytes", [0.05, 0.3, 2])
def test_what_it_advises_fits(tiny: Path, free: list[int], gigabytes: float) -> None:
    free.append(int(gigabytes * 1e9))
    plan = plan_of(tiny, "training.batch_size=65536")
    with pytest.raises(ResourceError) as caught:
        refuse_without_memory(plan, CPU, "fp32")
    advised = re.findall(r"--set (\S+=\d+)", str(caught.value))
    assert advised[0].startswith("training.batch_size=")
    refuse_without_memory(plan_of(tiny, advised[0]), CPU, "fp32")
    for more in advised[1:]:
        refuse_without_memory(plan_of(tiny, "training.batch_size=65536", more), CPU, "fp32")
    assert len(advised) == (1 if gigabytes < 1 else 2)


def test_large_networks_are_refused_by_their_weights_alone(tiny: Path, free: list[int]) -> None:
    free.append(100 << 20)
    layers = ("critic_filters=[512, 2048]", "critic_strides=[2, 2]")
    with pytest.raises(
        ResourceError, match=r"takes over \S+ [MG]B of memory, and 105 MB are free. Make its layers"
    ):
        refuse_without_memory(plan_of(tiny, *(f"architecture.{layer}" for layer in layers)), CPU, "fp32")


def test_weights_count_as_often_as_a_training_holds_them() -> None:
    plan = load_plan("camel-gan")
    critic, generator = (
        sum(weight.nbytes for weight in network.parameters()) for network in plan.architecture.networks
    )
    # RMSprop has one slot. Of what a checkpoint copies two, beside gradients and the copy that is calibrated.
    assert need._fixed(plan, *plan.architecture.networks) == critic * (1 + 2 * 2) + generator * (2 + 2 * 3)


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
    refuse_without_memory(plan, CPU, "fp32", ranks=2)  # on another machine
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(ResourceError):
        refuse_without_memory(plan, CPU, "fp32", ranks=2)


@pytest.mark.parametrize("recipe", ["camel-gan", "camel-wgangp", "horse-wgan", "face-wgangp"])
@pytest.mark.parametrize("precision", get_args(Precision))
def test_tensors_without_memory_tell_what_those_with_it_do(
    recipe: str, precision: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = load_plan(recipe)
    tried = need_of(plan, PLENTY, precision=precision)
    monkeypatch.setattr(trial, "TRIED", 0)
    told = need_of(plan, PLENTY, precision=precision)
    assert told.bytes(64) == pytest.approx(tried.bytes(64), rel=0 if precision == "fp32" else 0.01)


class Looking(Augmentation):
    """Looks at a number, which a tensor without memory does not have."""

    name: ClassVar[str] = "looking"

    def augment(self, images: Tensor) -> Tensor:
        return images if float(images.detach().mean()) < 2 else -images


def test_a_part_that_looks_at_numbers_is_tried_with_them(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = replace(plan_of(tiny), augmentations=(Looking(),))
    tried = need_of(plan, PLENTY)
    monkeypatch.setattr(trial, "TRIED", 0)
    assert need_of(plan, PLENTY) == tried


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
    counting = Counting()
    plan = replace(plan_of(tiny), augmentations=(counting,))
    refuse_without_memory(plan, CPU, "fp32")
    assert counting._asked == 0
    free.append(1 << 30)
    refuse_without_memory(replace(plan, losses=(Broken(),)), CPU, "fp32")


def test_what_is_kept_grows_with_the_batch_and_counts_each_array_once() -> None:
    first, second = nn.Linear(1000, 1000), nn.Linear(1000, 1000)
    kept = trial._Kept((first, second), PLENTY)
    images = torch.zeros(10, 1000)
    with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda tensor: tensor):
        torch.tanh(second(torch.tanh(first(images)))).sum()
    assert kept.bytes == pytest.approx(trial.BESIDE * (3 + trial.BACKWARD) * images.nbytes, abs=1)


def test_what_is_free_is_known_here() -> None:
    found = free_memory(CPU)
    assert found is None or 0 < found <= physical_memory()


def test_where_a_system_does_not_say_what_is_free_all_it_has_is_the_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert usable_memory() <= physical_memory()
    monkeypatch.setattr(disk_space, "free_memory", lambda: None)
    assert usable_memory() == physical_memory()


KINDS = "anon 300\nfile 600\n{0}inactive_file 200\n{0}active_file 100\nslab_reclaimable 50\nshmem 90\n"


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({}, None),
        ({"memory.max": "1000", "memory.current": "900"}, 100),
        ({"memory.max": "1000", "memory.current": "900", "memory.stat": KINDS.format("")}, 450),
        ({"memory.max": "1000", "memory.current": "1300", "memory.stat": KINDS.format("")}, 50),
        ({"memory.max": "1000", "memory.current": "1400", "memory.stat": KINDS.format("")}, 0),
        ({"memory.max": "1000", "memory.current": "900", "memory.stat": "inactive_file many"}, 100),
        ({"memory.max": "max", "memory.current": "900", "memory.stat": KINDS.format("")}, None),
        ({"memory.max": "1000"}, None),
        ({"memory/memory.limit_in_bytes": "1000", "memory/memory.usage_in_bytes": "900"}, 100),
        (
            {
                "memory/memory.limit_in_bytes": "1000",
                "memory/memory.usage_in_bytes": "900",
                "memory/memory.stat": "inactive_file 7\n" + KINDS.format("total_"),
            },
            400,
        ),
    ],
)
def test_a_container_has_its_cache_of_files_free(
    tmp_path: Path, files: dict[str, str], left: int | None
) -> None:
    (tmp_path / "memory").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
    assert left_to_group(tmp_path) == left


def test_what_torch_has_reserved_on_a_gpu_and_does_not_use_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, found in {
        "mem_get_info": (100, 1000),
        "memory_reserved": 50,
        "memory_allocated": 20,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda _, found=found: found)
    assert free_memory(GPU) == 130


def test_bfloat16_takes_less(tiny: Path, free: list[int]) -> None:
    plan = plan_of(tiny, "training.batch_size=4096")
    taken = [need_of(plan, PLENTY, precision=precision).bytes(4096) for precision in ("fp32", "bf16")]
    assert taken[1] < 0.7 * taken[0]
    free.append(sum(taken) // 2)
    refuse_without_memory(plan, CPU, "bf16")
    with pytest.raises(NoMemoryError):
        refuse_without_memory(plan, CPU, "fp32")


def test_a_training_on_a_gpu_is_held_against_its_memory_alone(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(tiny, "training.batch_size=4096")
    need = need_of(plan, PLENTY)
    there = {"cpu": PLENTY, "cuda": PLENTY}
    monkeypatch.setattr(refusal, "free_memory", lambda device: there[device.type])
    for here in (0, need.fixed // 3, need.fixed, PLENTY):
        there["cpu"] = here  # too little to make networks, to ask them, and enough
        refuse_without_memory(plan, GPU, "fp32")
    for free_there in (need.fixed // 3, need.fixed + 1, need.bytes(4096) - 1):
        there["cuda"] = free_there
        with pytest.raises(NoMemoryError) as caught:
            refuse_without_memory(plan, GPU, "fp32")
        taken, left = (
            float(number) * 1000 ** (unit == "GB")
            for number, unit in re.findall(r"([\d.]+) ([MG]B)", str(caught.value))
        )
        assert taken >= left


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
