"""A network's weights as the bytes of `model.safetensors`, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load, save

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


def weights_bytes(network: nn.Module) -> bytes:
    """Return a network's weights and buffers under the names of its `state_dict`; tied ones under each of theirs."""
    data: bytes = save(plain_tensors(network.state_dict()))
    return data


def plain_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies on the CPU as safetensors takes them: contiguous, and no two share memory."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }


def load_weights(network: nn.Module, data: bytes) -> None:
    """Give a network the weights that `weights_bytes` returned.

    Raises:
        SafetensorError: they are damaged.
        RuntimeError: they are not those of this network.
    """
    network.load_state_dict(load(data))
