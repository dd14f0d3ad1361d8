"""An export before the training, so that what ONNX cannot express is said before anything is learnt."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from zoo.__about__ import DISTRIBUTION
from zoo.errors import ZooError
from zoo.plugins.collect import load_registry

if TYPE_CHECKING:
    from torch import nn

    from zoo.components import Architecture

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
FAR = 4
"""How many times below every limit a generator must lie that is not exported for trial."""
SLOW = 1e9
"""Multiplications a second of the slowest operators, as an inspection supposes them."""


def refuse_unexportable(architecture: Architecture, generator: nn.Module) -> None:
    """Export a new generator for trial and keep nothing of it: a few seconds, most of them for the exporter's imports.

    Left out where the packages for it are missing, and for the zoo's own architectures where they are far from every
    limit: that these can be exported is known from the zoo's tests.

    Raises:
        InputError: it cannot be turned into ONNX.
        IntegrityError: onnxruntime's pictures are not torch's, or it holds what no generator may.
        ResourceError: its file or its pictures would be too large.
    """
    if not all(map(find_spec, PACKAGES)):
        return
    ours = load_registry().record(architecture).provider.distribution == DISTRIBUTION
    if ours and _is_far_from_limits(generator, architecture.latent_dim):
        return
    from zoo_export.convert.parity import check
    from zoo_export.convert.to_onnx import to_onnx

    try:
        check(to_onnx(generator, architecture.latent_dim, {}), generator, architecture.latent_dim)
    except ZooError as error:
        why = str(error).rpartition(". ")[0]
        raise type(error)(
            f"{architecture.name}: once trained it could not be exported: {why}. Change its forward, or make it smaller"
        ) from error


def _is_far_from_limits(generator: nn.Module, latent_dim: int) -> bool:
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from zoo.generators.files import ONNX_LIMIT
    from zoo_export.inspection.limits import PICTURE_LIMIT, SECONDS_LIMIT

    weights = sum(4 * weight.numel() for weight in generator.parameters())
    made: list[int] = [0]
    handles = [
        module.register_forward_hook(
            lambda _module, _inputs, output: made.append(getattr(output, "nbytes", 0))
        )
        for module in generator.modules()
    ]
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            generator(torch.zeros(1, latent_dim))
    finally:
        for handle in handles:
            handle.remove()
    multiplications = counter.get_total_flops() // 2
    largest = (weights / ONNX_LIMIT, sum(made) / PICTURE_LIMIT, multiplications / SLOW / SECONDS_LIMIT)
    return FAR * max(largest) < 1
