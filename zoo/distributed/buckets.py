"""Many tensors in one, so that they travel between processes in one message."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor


class Bucket:
    """A flat tensor with room for tensors of one type, each in its own memory layout.

    Attributes:
        flat: what travels.
    """

    def __init__(self, like: Sequence[Tensor]) -> None:
        self.flat = torch.empty(
            sum(tensor.numel() for tensor in like), dtype=like[0].dtype, device=like[0].device
        )
        self._places: list[Tensor] = []
        start = 0
        for tensor in like:
            strides = torch.empty_like(tensor, device="meta").stride()
            self._places.append(self.flat.as_strided(tensor.shape, strides, start))
            start += tensor.numel()

    def fill(self, tensors: Sequence[Tensor]) -> None:
        """Copy the tensors in."""
        torch._foreach_copy_(self._places, list(tensors))

    @torch.no_grad()
    def empty_into(self, tensors: Sequence[Tensor]) -> None:
        """Copy what is here back into the tensors."""
        torch._foreach_copy_(list(tensors), self._places)


class Buckets:
    """Buckets made once for each list of shapes, one for each type of number in it."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Bucket] = {}

    def of(self, tensors: Sequence[Tensor]) -> Iterator[tuple[Bucket, list[Tensor]]]:
        """Yield each bucket with those of the tensors that belong into it."""
        kinds = dict.fromkeys((tensor.dtype, tensor.device) for tensor in tensors)
        for dtype, device in kinds:
            members = [
                tensor.detach() for tensor in tensors if (tensor.dtype, tensor.device) == (dtype, device)
            ]
            key = (dtype, device, *((tensor.shape, tensor.stride()) for tensor in members))
            if key not in self._made:
                self._made[key] = Bucket(members)
            yield self._made[key], members
