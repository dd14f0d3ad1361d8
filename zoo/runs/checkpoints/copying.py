"""A state copied off its device, so that the training goes on while it is written."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor


def copied(state: Any) -> Any:
    """Return a state whose tensors and lists are its own, the tensors on the CPU: a training may go on meanwhile."""
    copy = _copied(state)
    if torch.cuda.is_available():
        torch.cuda.current_stream().synchronize()
    return copy


def _copied(state: Any) -> Any:
    if isinstance(state, torch.Tensor):
        return _copied_tensor(state.detach())
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [_copied(value) for value in state]
    return state


def _copied_tensor(tensor: Tensor) -> Tensor:
    if tensor.is_cuda:
        # Into memory that a GPU writes by itself: hundreds of tensors need not be waited for one by one.
        with suppress(RuntimeError):  # of which a container may allow little
            pinned = torch.empty_like(tensor, device="cpu", pin_memory=True)
            return pinned.copy_(tensor, non_blocking=True)
    return tensor.to("cpu", copy=True)
