"""What backward keeps for a few images.

Losses and networks of plugins are asked by running them: on two and on four images what backward keeps is counted, on
tensors without memory where that would be much.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

import torch
from torch._subclasses import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from zoo.batch import CriticBatch, GeneratorBatch
from zoo.training.step import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from zoo.components import Plan
    from zoo.training.device import Precision

BACKWARD = 3
"""Arrays as large as the largest one that backward keeps, which it holds beside it: two gradients, and a copy."""
BESIDE = 1.4
"""What allocators and kernels take, for each byte that is kept: measured, see `benchmarks.hostile.training_memory`."""
TRIED = 64 << 20
"""Bytes that are tried as they are; beyond, tensors without memory stand for them."""


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


def tried(plan: Plan, count: int, most: int, here: int, weights: int, precision: Precision) -> int:
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
