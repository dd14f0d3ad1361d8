"""Which package brings the architecture that a generator's weights need. Nothing is imported to find out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.plugins.installed import installed_version
from zoo.system.console import say

if TYPE_CHECKING:
    from zoo.generators.config import GeneratorConfig


def warn_missing_package(repo: str, config: GeneratorConfig) -> None:
    """Say which package the weights need, where it is not installed; making pictures needs the ONNX file alone."""
    architecture = config.architecture
    provider = architecture.provider
    if installed_version(provider.distribution) is None:
        say(
            f"{repo}: its weights need architecture {architecture.name!r} from {provider.distribution} "
            f"{provider.version}, which is not installed; making pictures does not"
        )
