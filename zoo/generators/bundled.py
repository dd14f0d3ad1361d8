"""Pretrained generators that come with the package, by name. Imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

from zoo.generators.files import CONFIG

FOLDER = Path(__file__).parent / "pretrained"


def bundled_generators() -> dict[str, Path]:
    """Return the generator folders in the package by name, sorted."""
    return {config.parent.name: config.parent for config in sorted(FOLDER.glob(f"*/{CONFIG}"))}


def bundled_folder(name: str) -> Path | None:
    """Return the folder of the pretrained generator of this name, or None."""
    return bundled_generators().get(name)
