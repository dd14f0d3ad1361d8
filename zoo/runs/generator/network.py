"""From a generator folder back to a network, whose weights are compared with it before either takes memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load

from zoo.errors import IntegrityError, UsageError, reason_of
from zoo.generators.files import CONFIG, WEIGHTS
from zoo.generators.safetensors_header import TensorHeader, describe, read_header
from zoo.plugins.collect import load_registry
from zoo.plugins.registry import validated

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from zoo.components import Architecture
    from zoo.generators.config import GeneratorConfig
    from zoo.generators.folder import GeneratorFolder

_KINDS = {
    torch.float32: "F32",
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.complex64: "C64",
    torch.bool: "BOOL",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.uint16: "U16",
    torch.uint32: "U32",
    torch.uint64: "U64",
}
"""What safetensors calls the types of tensors."""


def load_generator(folder: GeneratorFolder) -> nn.Module:
    """Return the folder's network with its verified weights: float32, on the CPU, in eval mode.

    Raises:
        UsageError: its architecture is not installed; the message names who brings it.
        InputError: a field of `config.json` is wrong.
        IntegrityError: the weights are not listed, missing, changed, or do not fit the architecture.
    """
    if not folder.lists(WEIGHTS):
        raise IntegrityError(f"{folder.file(CONFIG)}: it lists no {WEIGHTS}. Get the generator again")
    data, weights, config = folder.read(WEIGHTS), folder.file(WEIGHTS), folder.config
    architecture = architecture_of(config, str(folder.path))
    _check_shapes(weights, architecture)
    network = architecture.generator()
    try:
        network.load_state_dict(load(data))
    except (RuntimeError, ValueError, SafetensorError) as error:
        raise IntegrityError(
            f"{weights}: it does not fit {config.architecture.name}: {reason_of(error)}. Get the generator again"
        ) from error
    return network.eval()


def _check_shapes(weights: Path, architecture: Architecture) -> None:
    """Compare what a file says that it holds with what the network needs, before either takes memory.

    Raises:
        IntegrityError: they differ, or the file's header is damaged.
    """
    try:
        found = read_header(weights)
    except (ValueError, OSError) as error:
        raise IntegrityError(f"{weights}: {error}. Get the generator again") from error
    needed = {
        name: TensorHeader(_KINDS.get(tensor.dtype, str(tensor.dtype)), tuple(tensor.shape))
        for name, tensor in architecture.networks[1].state_dict().items()
    }
    for name in sorted(needed.keys() | found.keys()):
        if needed.get(name) == found.get(name):
            continue
        holds, wants = (
            "no such" if tensor is None else describe(tensor)
            for tensor in (found.get(name), needed.get(name))
        )
        raise IntegrityError(
            f"{weights}: it does not fit {architecture.name}: its tensor {name[:60]!r} is {holds}, and "
            f"{CONFIG} asks for {wants}. Get the generator again"
        )


def architecture_of(config: GeneratorConfig, where: str) -> Architecture:
    """Return the architecture that `config.json` names."""
    record, registry = config.architecture, load_registry()
    entry = registry.entries("architecture").get(record.name)
    if entry is not None and entry.provider.distribution == record.provider.distribution:
        # A rival of the same name is in the way of recipes, which name no provider; here one is named.
        return cast("Architecture", validated(entry.component, record.fields, where, record.name))
    try:
        component = registry.make("architecture", {**record.fields, "name": record.name}, where)
    except UsageError as error:
        provider = record.provider
        raise UsageError(
            f"{where}: it needs architecture {record.name!r} from {provider.distribution} {provider.version}. "
            f"Install that ({error})"
        ) from None
    return cast("Architecture", component)
