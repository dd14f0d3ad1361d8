"""From a generator folder back to a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from safetensors import SafetensorError
from safetensors.torch import load_file

from zoo.errors import IntegrityError, UsageError
from zoo.generators.files import CONFIG, WEIGHTS
from zoo.generators.folder import verify
from zoo.plugins.collect import load_registry
from zoo.plugins.registry import validated

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from zoo.components import Architecture
    from zoo.generators.config import GeneratorConfig


def load_generator(folder: Path) -> nn.Module:
    """Return the folder's network with its verified weights: float32, on the CPU, in eval mode.

    Raises:
        UsageError: its architecture is not installed; the message names who brings it.
        InputError: a field of `config.json` is wrong.
        IntegrityError: the weights are not listed, missing, changed, or do not fit the architecture.
    """
    config = verify(folder, (WEIGHTS,))
    if WEIGHTS not in config.files:
        raise IntegrityError(f"{folder / CONFIG}: it lists no {WEIGHTS}. Get the generator again")
    network = architecture_of(config, str(folder)).generator()
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise IntegrityError(
            f"{folder / WEIGHTS}: it does not fit {config.architecture.name}: {reason}. Get the generator again"
        ) from error
    return network.eval()


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
