"""Several processes, or several parts of a batch, train what one whole batch would."""

from __future__ import annotations

import copy
import random
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch._C._distributed_c10d import HashStore

from tests.conftest import TINY
from tests.support.networks import noise
from tests.support.training import copies, leaves, plan_of, trainer_of
from zoo.data.sampler import Sampler
from zoo.distributed.buckets import Buckets
from zoo.distributed.group import Group
from zoo.distributed.protocol import Order
from zoo.distributed.torchrun import Rank, follows, this_rank
from zoo.distributed.worker import _same_images
from zoo.errors import InputError, NetworkError
from zoo.training.random_state import rank_seed, seed_all
from zoo.training.ranks import ALONE, Ranks
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from tests.support.together import Pair

pytest_plugins = ["tests.support.together"]

STEPS = 20
RATE = 5e-4
"""Small: where a leaky ReLU turns, the penalty's gradient jumps, and a few such jumps make rounding visible."""


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return the file of a recipe without batch norm, of batches of 64."""
    path = tmp_path / "plain.toml"
    text = TINY.replace("generator_batch_norm_momentum = 0.9\n", "").replace(
        "batch_size = 8", "batch_size = 64"
    )
    path.write_text(text)
    return path


class Shared:
    """Random numbers of the whole batch, of which a rank takes its part."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self._generator = torch.Generator().manual_seed(11)
        self._rand, self._randn, self._randint = torch.rand, torch.randn, torch.randint

    def _part(self, whole: Tensor) -> Tensor:
        return whole.chunk(self._ranks.size)[self._ranks.rank]

    def randn(self, count: int, dim: int, **_: Any) -> Tensor:
        return self._part(self._randn(count * self._ranks.size, dim, generator=self._generator))

    def randint(self, high: int, shape: tuple[int], **_: Any) -> Tensor:
        return self._part(self._randint(high, (shape[0] * self._ranks.size,), generator=self._generator))

    def rand_like(self, like: Tensor) -> Tensor:
        shape = (len(like) * self._ranks.size, *like.shape[1:])
        return self._part(self._rand(shape, generator=self._generator))


def descended(recipe: Path, ranks: Ranks) -> dict[str, Any]:
    """Return the first step's gradients and figures, and the weights after 20 steps of SGD."""
    plan = plan_of(recipe)
    pixels = ((noise(96, 5, (1, 28, 28)) + 1) * 127.5).to(torch.uint8)
    trainer = Trainer(
        plan, Sampler(pixels, torch.arange(96), torch.device("cpu")), torch.device("cpu"), ranks=ranks
    )
    trainer.critic_optimizer = torch.optim.SGD(trainer.critic.parameters(), lr=RATE)
    trainer.generator_optimizer = torch.optim.SGD(trainer.generator.parameters(), lr=RATE)
    with pytest.MonkeyPatch.context() as patch:
        shared = Shared(ranks)
        for name in ("randn", "randint", "rand_like"):
            patch.setattr(torch, name, getattr(shared, name))
        first = trainer.train_step()
        gradients = [
            weight.grad.clone()
            for network in (trainer.critic, trainer.generator)
            for weight in network.parameters()
            if weight.grad is not None
        ]
        figures = {name: value.item() for name, value in first.losses.items()}
        list(trainer.steps(STEPS))
    weights = [*copies(trainer.critic), *copies(trainer.generator)]
    return {"gradients": gradients, "figures": figures, "weights": weights}


def furthest(ours: list[Tensor], theirs: list[Tensor]) -> float:
    """Return the largest difference of any two numbers."""
    return max(float((mine - other).abs().max()) for mine, other in zip(ours, theirs, strict=True))


def test_two_ranks_of_32_are_one_of_64(plain: Path, pair: Pair) -> None:
    start = [*copies((whole := trainer_of(plan_of(plain))).critic), *copies(whole.generator)]
    alone = descended(plain, ALONE)
    first, second = pair.run(_descended, plain)

    assert len(alone["gradients"]) > 8
    assert furthest(first["gradients"], alone["gradients"]) < 1e-5
    assert furthest(first["weights"], alone["weights"]) < 1e-5
    assert furthest(alone["weights"], start) > 1e-3, "20 steps lead somewhere"
    assert furthest(first["weights"], second["weights"]) == 0
    assert first["figures"] == second["figures"]
    assert first["figures"] == pytest.approx(alone["figures"], abs=1e-5)


def _descended(group: Group, recipe: Path) -> dict[str, Any]:
    return descended(recipe, group)


def test_ranks_see_other_images_and_stay_equal(tiny: Path, pair: Pair) -> None:
    first, second = pair.run(_trained, tiny, "training.batch_size=16")
    ours, theirs = leaves(first["state"]), leaves(second["state"])

    assert ours == theirs
    assert any("running_mean" in place for place in ours)
    assert len(first["state"]["ranks"]) == 1
    assert leaves(first["state"]["random"]) != leaves(first["state"]["ranks"][0])
    assert first["z"].shape == second["z"].shape == (8, 8)
    assert not torch.isin(first["z"], second["z"]).any()


def _trained(group: Group, recipe: Path, change: str) -> dict[str, Any]:
    plan = plan_of(recipe, change)
    pixels = ((noise(96, 5, (1, 28, 28)) + 1) * 127.5).to(torch.uint8)
    trainer = Trainer(
        plan, Sampler(pixels, torch.arange(96), torch.device("cpu")), torch.device("cpu"), ranks=group
    )
    for _ in trainer.steps(3):
        pass
    return {"state": copy.deepcopy(trainer.state_dict()), "z": trainer._latents()}


def test_ranks_have_random_numbers_of_their_own_from_wherever_they_begin() -> None:
    seeds = [rank_seed(seed, rank, step) for seed in (0, 1) for rank in range(4) for step in (0, 7)]
    drawn = set()
    for seed in seeds:
        seed_all(seed)
        drawn.add((torch.rand(()).item(), float(np.random.rand()), random.random()))

    assert len({seed % 2**32 for seed in seeds}) == len({first for first, _, _ in drawn}) == len(seeds)


def test_what_travels_is_averaged_taken_from_the_first_and_agreed_on(pair: Pair) -> None:
    both = pair.run(_travelled)

    for averaged, equal, collected, shared, agreed in both:
        assert averaged[0].tolist() == [[[[0.5, 2.5]], [[1.5, 3.5]]]]
        assert averaged[0].is_contiguous(memory_format=torch.channels_last)
        assert averaged[1].item() == pytest.approx(1.5)
        assert (equal[0].item(), equal[0].dtype, equal[1].item()) == (7, torch.int64, 1.0)
        assert (collected, shared, agreed) == (["0", "1"], "0", (Order.STEP, 15))


def _travelled(group: Group) -> tuple[Any, ...]:
    square = torch.tensor([0.0, 1, 2, 3]).view(1, 1, 2, 2).permute(0, 3, 1, 2) + group.rank
    averaged = [square.contiguous(memory_format=torch.channels_last), torch.tensor(1.0 + group.rank)]
    group.all_reduce_mean(averaged)
    averaged[0] = averaged[0].sub(0.0)
    equal = [torch.tensor(7 + group.rank), torch.tensor(1.0 + group.rank)]
    group.broadcast(equal)
    collected, shared = group.all_gather(str(group.rank)), group.broadcast_object(str(group.rank))
    agreed = group.exchange_order(Order.STEP if group.rank == 0 else 0, 15 * group.rank)
    return averaged, equal, collected, shared, agreed


def test_a_rank_that_is_silent_for_too_long_is_given_up(pair: Pair) -> None:
    told, _ = pair.run(_silent, patience=timedelta(seconds=2))

    assert told == (
        "another of the 2 ranks has ended or cannot be reached (Timed out waiting 2000ms for recv operation to "
        "complete). See what it says, then go on with `zoo resume`"
    )


def _silent(group: Group) -> str:
    if group.rank == 1:
        time.sleep(4)
        return ""
    with pytest.raises(NetworkError) as caught:
        group.exchange_order(Order.STEP)
    return str(caught.value)


def test_a_bucket_is_made_once_and_holds_every_layout() -> None:
    buckets = Buckets()
    tensors = [noise(2, 1, (3, 4, 4)).contiguous(memory_format=torch.channels_last), noise(1, 2)[0].mT]
    for _ in range(2):
        ((bucket, members),) = buckets.of(tensors)
        bucket.fill(members)
    there = [torch.zeros_like(tensor) for tensor in tensors]
    bucket.empty_into(there)

    assert len(buckets._made) == 1
    assert bucket.flat.numel() == 2 * 3 * 16 + 16
    assert all(torch.equal(one, other) for one, other in zip(there, tensors, strict=True))


@pytest.mark.parametrize("parts", [2, 8])
def test_a_batch_in_parts_is_the_whole_batch(plain: Path, parts: int) -> None:
    figures, gradients = [], []
    for count in (1, parts):
        trainer = trainer_of(plan_of(plain, f"training.accumulate={count}", "training.critic_steps=1"))
        figures.append({name: value.item() for name, value in trainer.train_step().losses.items()})
        networks = (trainer.critic, trainer.generator)
        gradients.append([w.grad for network in networks for w in network.parameters() if w.grad is not None])

    assert furthest(*gradients) < 1e-6
    assert figures[1] == pytest.approx(figures[0], rel=1e-6, abs=1e-6)


def test_a_batch_in_parts_takes_a_part_of_the_memory(plain: Path) -> None:
    trainer = trainer_of(plan_of(plain, "training.accumulate=4"))
    seen: list[int] = []
    trainer.critic.register_forward_hook(lambda _network, images, _scores: seen.append(len(images[0])))
    trainer.train_step()

    # Of 64 images 16 at a time: real and fake together, and the penalty's mixtures.
    assert set(seen) == {32, 16}


def test_ranks_can_split_their_shares_too(plain: Path, pair: Pair) -> None:
    whole, split = (pair.run(_trained, plain, f"training.accumulate={parts}")[0] for parts in (1, 4))
    ours, theirs = (list(done["state"]["critic"].values()) for done in (whole, split))

    assert furthest(ours, theirs) < 1e-5
    assert leaves(whole["state"]["random"]) == leaves(split["state"]["random"]), "as much was drawn"


@pytest.mark.parametrize(
    ("parts", "ranks", "told"),
    [
        (3, 1, "3 parts (accumulate). Use --set training.batch_size=6 or 9"),
        (1, 3, "3 ranks. Use --set training.batch_size=6 or 9"),
        (2, 8, "8 ranks of 2 parts (accumulate). Use --set training.batch_size=16"),
    ],
)
def test_a_batch_that_cannot_be_split_is_refused_with_those_that_can(
    tiny: Path, parts: int, ranks: int, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        plan_of(tiny, f"training.accumulate={parts}").batch_per_rank(ranks)

    assert str(caught.value) == f"tiny.toml [training]: batch_size 8 cannot be split evenly over {told}"


def test_only_torchrun_makes_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    named = {"RANK": "1", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert (this_rank(), follows()) == (None, False)

    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert (this_rank(), follows()) == (Rank(rank=1, size=4, local=1), True)
    monkeypatch.setenv("WORLD_SIZE", "1")
    assert this_rank() is None


@pytest.mark.parametrize(
    ("device", "told"),
    [
        (
            "cuda",
            "--device cuda: process 2 on this machine finds 1 GPU. Start one process for each, or use --device cpu",
        ),
        ("mps", "--device mps: only one process can train on it. Use --device cpu"),
    ],
)
def test_a_rank_without_a_device_of_its_own_is_refused(
    monkeypatch: pytest.MonkeyPatch, device: str, told: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    group = Group(Rank(1, 2, 1), HashStore())
    assert group.local(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(InputError) as caught:
        group.local(torch.device(device))

    assert str(caught.value) == told


def test_a_rank_with_other_images_says_so(tiny: Path) -> None:
    plan = plan_of(tiny)
    images = plan.data.images()
    assert _same_images(plan, images.fingerprint).fingerprint == images.fingerprint
    with pytest.raises(InputError) as caught:
        _same_images(plan, "0" * 64)

    assert str(caught.value) == (
        f"bundled sample: its images have fingerprint {images.fingerprint[:12]} (data.bundled is set, so the 100 "
        "bundled camel drawings are used), those of rank 0 have 000000000000. Bring the same images to every machine"
    )
