"""The papers that a generator's parts come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.generators.config import GeneratorConfig
    from zoo.plugins.registry import Registry


def papers(config: GeneratorConfig) -> list[str]:
    """Return the papers behind a generator, each once: as recorded, else as its parts that are installed say."""
    return list(config.papers) or list(dict.fromkeys(_of_the_installed(config)))


def _of_the_installed(config: GeneratorConfig) -> Iterator[str]:
    from zoo.plugins.collect import load_registry

    try:
        registry = load_registry()
    except ModuleNotFoundError:
        return  # a push needs no torch, and what brings components does
    training = config.training
    parts = (
        ("architecture", config.architecture.name),
        *(("loss", part.name) for part in training.losses),
        *(("regularizer", part.name) for part in training.regularizers),
        *(("augmentation", part.name) for part in training.augmentations),
        ("metric", training.metric or ""),
    )
    yield from (paper for kind, name in parts if (paper := _paper(registry, kind, name)))


def _paper(registry: Registry, kind: str, name: str) -> str:
    entry = registry.entries(kind).get(name)
    return "" if entry is None else entry.component.paper
