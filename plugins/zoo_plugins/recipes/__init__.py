"""The nine recipes that ship: {camel, horse, face} x {gan, wgan, wgangp}."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def zoo_register_recipes() -> Iterable[Path]:
    return sorted(Path(__file__).parent.glob("*.toml"))
