"""How much memory a training takes, told from a few images before it begins, and how much is free.

Losses and networks of plugins are asked by running them: on two and on four images what backward keeps is counted, on
tensors without memory where that would be much.
"""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch
from torch._subclasses import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from zoo.batch import CriticBatch, GeneratorBatch
from zoo.errors import NoMemoryError, is_memory_error
from zoo.system import disk_space
from zoo.training.step import frozen, tried_slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from zoo.components import Plan
    from zoo.training.device import Precision

FLOAT = 4
"""Bytes of a number."""
DRAWN = 4
"""Arrays as large as a rank's whole batch that a step holds: real and generated images, both also augmented."""
BACKWARD = 3
"""Arrays as large as the largest one that backward keeps, which it holds beside it: two gradients, and a copy."""
BESIDE = 1.4
"""What allocators and kernels take, for each byte that is kept: measured, see `benchmarks.hostile.training_memory`."""
FEW = 2
"""Images from which the rest is told, and twice as many."""
TRIED = 64 << 20
"""Bytes that are tried as they are; beyond, tensors without memory stand for them."""
SMALLER = "Make its layers or its images smaller"


@dataclass(frozen=True)
class Need:
    """Bytes that a training takes beside what the process has loaded."""

    fixed: int
    """Whatever the batch: weights, gradients, optimizers' slots, the average, and copies for a checkpoint."""
    drawn: int
    """For each image of a rank's batch."""
    kept: int
    """For each image of a part of the batch: what backward needs of it."""

    def bytes(self, batch: int, parts: int = 1) -> int:
        """Return what a rank takes for a batch that is split into `parts`."""
        return self.fixed + batch * self.drawn + batch // parts * self.kept


def need_of(plan: Plan, most: int, here: int | None = None, precision: Precision = "fp32") -> Need:
    """Return what a plan's training takes.

    Args:
        plan: what is trained.
        most: bytes that there are where it trains.
        here: bytes that this machine's CPU may take to find out; None where it trains there.
        precision: of its convolutions.

    Raises:
        TooMuchError: weights, or four images, take more than one of the two.
    """
    critic, generator = plan.architecture.networks  # without memory for their weights, where that can be
    fixed = _fixed(plan, critic, generator)
    weights = sum(weight.nbytes for network in (critic, generator) for weight in network.parameters())
    if most < fixed:
        raise TooMuchError(fixed)
    here = most - fixed if here is None else min(most - fixed, here - weights)
    try:
        few, more = (_tried(plan, count, most - fixed, here, weights, precision) for count in (FEW, 2 * FEW))
    except TooMuchError as error:
        raise TooMuchError(fixed + error.bytes) from None
    an_image = max(0, more - few) // FEW
    drawn = DRAWN * FLOAT * prod(plan.architecture.image_shape)
    return Need(fixed + max(0, few - FEW * an_image), drawn, an_image)


def refuse_without_memory(plan: Plan, device: torch.device, precision: Precision, ranks: int = 1) -> None:
    """Refuse a training that would take more memory than there is, before anything of it is made.

    Args:
        plan: what is trained.
        device: where.
        precision: of its convolutions.
        ranks: processes that share the batch; those on this machine share its memory, too.

    Raises:
        NoMemoryError: it takes more than is free.
    """
    batch, parts = plan.batch_per_rank(ranks), plan.training.accumulate
    free, here = free_memory(device), free_memory(torch.device("cpu"))
    if free is None or here is None:
        return
    if device.type == "cpu" and ranks > 1:
        free //= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    about = f"{plan.where} [training]: batch_size {plan.training.batch_size} takes"
    try:
        need = need_of(plan, free, None if device.type == "cpu" else here, precision)
    except TooMuchError as error:
        if error.bytes <= free:
            return  # it may well fit into the GPU: finding out takes more than this machine has free
        raise NoMemoryError(
            f"{about} over {_gigabytes(error.bytes)} of memory, and {_gigabytes(free)} are free. {SMALLER}"
        ) from None
    except Exception as error:
        if is_memory_error(error) and device.type == "cpu":
            raise
        return  # a part of a plugin is broken, which is said in better words when it is tried
    taken = need.bytes(batch, parts)
    if taken > free:
        raise NoMemoryError(
            f"{about} about {_gigabytes(taken)} of memory, and {_gigabytes(free)} are free. "
            f"{_advice(need, batch, parts, ranks, free)}"
        )


def free_memory(device: torch.device) -> int | None:
    """Return how many bytes a device has free; None where that is not known."""
    if device.type == "cuda":
        # What torch has reserved and does not use is its next tensors' own.
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    return disk_space.free_memory()


class TooMuchError(Exception):
    """Finding out takes too much memory.

    Attributes:
        bytes: taken so far.
    """

    def __init__(self, taken: int) -> None:
        self.bytes = taken
        super().__init__(taken)


class _Kept:
    """Counts the bytes that autograd keeps, each storage once, weights aside."""

    def __init__(self, networks: tuple[nn.Module, nn.Module], most: int) -> None:
        weights = [tensor for network in networks for tensor in (*network.parameters(), *network.buffers())]
        # Not by address: what has no memory has none.
        self._seen = {weight.untyped_storage()._cdata for weight in weights}
        self._held: list[Tensor] = []
        self._most = most
        self._largest = self._bytes = 0

    def pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._seen:
            self._seen.add(storage._cdata)
            self._held.append(tensor.detach())  # so that no other storage takes its place
            self._bytes += storage.nbytes()
            self._largest = max(self._largest, storage.nbytes())
        if self.bytes > self._most:
            raise TooMuchError(self.bytes)
        return tensor

    @property
    def bytes(self) -> int:
        """All of them, and what backward holds beside them at one moment."""
        return int(BESIDE * (self._bytes + BACKWARD * self._largest))


def _tried(plan: Plan, count: int, most: int, here: int, weights: int, precision: Precision) -> int:
    """Return the bytes that a step keeps for `count` images, found by fewer than that where they are many.

    Raises:
        TooMuchError: they are over `most`; or over `here`, where some part works on tensors with memory alone.
    """
    if weights < TRIED:
        with suppress(TooMuchError):
            return _kept(plan, count, min(here, TRIED - weights), precision)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            return _kept(plan, count, most, precision)
    except TooMuchError:
        raise
    except Exception as error:  # of a part that looks at numbers
        if here < 0:
            raise TooMuchError(0) from error  # its weights alone are more than this machine has free
        return _kept(plan, count, here, precision)


def _kept(plan: Plan, count: int, most: int, precision: Precision) -> int:
    """Return the bytes that a step keeps for `count` images: the critic's or the generator's, which is larger."""

    def autocast() -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")

    # What a component counts or keeps while it trains must not begin here.
    architecture = plan.architecture.model_copy(deep=True)
    critic, generator = architecture.critic().train(), architecture.generator().train()
    losses = [loss.model_copy(deep=True) for loss in plan.losses]
    augmentations = [augmentation.model_copy(deep=True) for augmentation in plan.augmentations]
    real = torch.zeros(count, *plan.architecture.image_shape).contiguous(memory_format=torch.channels_last)
    z = torch.zeros(count, plan.architecture.latent_dim)

    def augmented(images: Tensor) -> Tensor:
        for augmentation in augmentations:
            images = augmentation.augment(images)
        return images

    def drawn() -> Tensor:
        with autocast():
            images: Tensor = generator(z)
        return augmented(images.float())

    def score(images: Tensor) -> Tensor:
        with autocast():
            scores: Tensor = critic(images)
        return scores.float()

    def critic_side() -> list[Tensor]:
        with torch.no_grad():
            fake = drawn()
        batch = CriticBatch(real, fake, score, together=not plan.architecture.critic_ties_batch)
        return [loss.critic(batch) for loss in losses if loss.has_critic_side()]

    def generator_side() -> list[Tensor]:
        batch = GeneratorBatch(drawn(), score, lambda: real)
        return [loss.generator(batch) for loss in losses if loss.has_generator_side()]

    def bytes_of(side: Callable[[], list[Tensor]]) -> int:
        kept = _Kept((critic, generator), most)
        with saved_tensors_hooks(kept.pack, lambda tensor: tensor), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            side()
        return kept.bytes

    critics = bytes_of(critic_side)
    with frozen(critic):
        return max(critics, bytes_of(generator_side))


def _fixed(plan: Plan, critic: nn.Module, generator: nn.Module) -> int:
    """Return the bytes of weights, gradients, slots and the average, once more of what a checkpoint copies."""
    total = 0
    for network, recipe, averages in (
        (critic, plan.recipe.optimizers.critic, 0),
        (generator, plan.recipe.optimizers.generator, 1),
    ):
        size = sum(weight.nbytes for weight in network.parameters())
        slots = sum(bool(value.shape) for value in tried_slots(recipe).values())
        total += size * (1 + 2 * (1 + slots + averages))
    return total


def _advice(need: Need, batch: int, parts: int, ranks: int, free: int) -> str:
    more = next(
        (n for n in range(parts + 1, batch + 1) if batch % n == 0 and need.bytes(batch, n) <= free), None
    )
    fewer = 1 << max(0, batch.bit_length() - 1)
    while fewer > 1 and need.bytes(fewer * parts, parts) > free:
        fewer //= 2
    size = fewer * parts * ranks
    if need.bytes(fewer * parts, parts) > free:
        return SMALLER
    smaller = f"--set training.batch_size={size}"
    return (
        f"Use {smaller}"
        if more is None
        else f"Use {smaller}, or --set training.accumulate={more} for the same batch"
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
