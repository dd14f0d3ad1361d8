"""The processes that train one model together, seen from one that trains alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch
    from torch import Tensor


class Ranks:
    """One process that trains alone."""

    rank = 0
    size = 1

    def all_reduce_mean(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the ranks."""

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by rank 0's."""

    def all_gather(self, value: Any) -> list[Any]:
        """Return every rank's value, in their order."""
        return [value]

    def local(self, device: torch.device) -> torch.device:
        """Return which of a machine's devices is this rank's.

        Raises:
            InputError: there are more ranks than devices.
        """
        return device

    def note_run(self, path: Path) -> None:
        """Note the run folder, which the other ranks are told of when the training ends."""


ALONE = Ranks()
