"""Weights that a layer computes from others: spectral norm, weight norm and other parametrizations, and torch's older
kind of the two, which are hooks.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils import parametrize, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


def copy_network(network: nn.Module) -> nn.Module:
    """Return a deep copy.

    The older kind leaves what it computed on the layer, with the graph of its computation, which cannot be copied: so
    that is computed anew.
    """
    with torch.no_grad():
        for layer, hook in _hooks(network):
            known = (False,) if isinstance(hook, SpectralNorm) else ()  # no power iteration
            setattr(layer, hook.name, hook.compute_weight(layer, *known))
    return copy.deepcopy(network)


@torch.no_grad()
def make_weights_plain(network: nn.Module) -> None:
    """Turn what the layers of a network compute into their own weights, in place."""
    for layer, hook in _hooks(network):
        remove = remove_spectral_norm if isinstance(hook, SpectralNorm) else remove_weight_norm
        remove(layer, hook.name)
    for layer in network.modules():
        if parametrize.is_parametrized(layer):
            _remove_parametrizations(layer)


@torch.no_grad()
def settle_spectral_norms(network: nn.Module) -> None:
    """Give each spectral norm the leading singular vectors of its weights as they are.

    It follows them by one step at each training step; for averaged weights, which no step was made with, the largest
    singular value would come out as 1.01 to 1.03 instead of 1.
    """
    for layer in network.modules():
        if parametrize.is_parametrized(layer):
            for chain in layer.parametrizations.values():  # type: ignore[operator]
                _settle_chain(chain)
    for layer, hook in _hooks(network):
        if isinstance(hook, SpectralNorm):
            weight = hook.reshape_weight_to_matrix(getattr(layer, f"{hook.name}_orig"))
            _settle(weight, getattr(layer, f"{hook.name}_u"), getattr(layer, f"{hook.name}_v"))


def _settle_chain(chain: Any) -> None:
    """Settle the spectral norms among the parametrizations of one weight, each with what those before it make."""
    given = (
        [chain.original]
        if chain.is_tensor
        else [getattr(chain, f"original{i}") for i in range(chain.ntensors)]
    )
    for step in chain:
        if isinstance(step, _SpectralNorm) and given[0].ndim > 1:
            _settle(step._reshape_weight_to_matrix(given[0]), step._u, step._v)
        given = [step(*given)]


def _settle(matrix: Tensor, left: Tensor, right: Tensor) -> None:
    """Write a matrix's leading singular vectors into `left` and `right`.

    The smaller of its two Gram matrices is decomposed, in float64 on the CPU: MPS has none.
    """
    matrix = matrix.detach().double().cpu()
    tall = matrix.shape[0] > matrix.shape[1]
    wide = matrix.T if tall else matrix
    vector = torch.linalg.eigh(wide @ wide.T).eigenvectors[:, -1]
    other = torch.nn.functional.normalize(wide.T @ vector, dim=0)
    for place, found in zip((left, right), (other, vector) if tall else (vector, other), strict=True):
        place.copy_(found)


def _hooks(network: nn.Module) -> Iterator[tuple[nn.Module, WeightNorm | SpectralNorm]]:
    """Yield the weight and spectral norms of the older kind, each with its layer."""
    for layer in network.modules():
        for hook in list(layer._forward_pre_hooks.values()):
            if isinstance(hook, (WeightNorm, SpectralNorm)):
                yield layer, hook


def _remove_parametrizations(layer: nn.Module) -> None:
    """Replace a layer's parametrizations by the weights that they compute."""
    shared = type(layer)
    # torch removes them from the layer's class, which copies share with the original: so it gets its own first.
    own = {name: value for name, value in vars(shared).items() if name not in ("__dict__", "__weakref__")}
    layer.__class__ = type(shared.__name__, shared.__bases__, own)
    for name in list(layer.parametrizations):  # type: ignore[arg-type]
        parametrize.remove_parametrizations(layer, name, leave_parametrized=True)
