"""A network's weights as the bytes of `model.safetensors`, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors.torch import load, save

if TYPE_CHECKING:
    from torch import nn


def weights_bytes(network: nn.Module) -> bytes:
    """Return a network's weights and buffers under the names of its `state_dict`; tied ones under each of theirs."""
    # safetensors refuses tensors that share memory or that are not contiguous.
    tensors = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in network.state_dict().items()
    }
    data: bytes = save(tensors)
    return data


def load_weights(network: nn.Module, data: bytes) -> None:
    """Give a network the weights that `weights_bytes` returned.

    Raises:
        SafetensorError: they are damaged.
        RuntimeError: they are not those of this network.
    """
    network.load_state_dict(load(data))
