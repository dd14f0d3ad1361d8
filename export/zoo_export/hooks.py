"""The hooks that this package implements: three commands, and opening, describing, diagnosing
and trying ONNX generators.

What a hook needs is imported when it is called. Imports no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.hookspecs import hookimpl
from zoo_export.cli.demo import demo
from zoo_export.cli.export import export
from zoo_export.cli.generate import generate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import click
    from torch import nn

    from zoo.components import Architecture
    from zoo.generators.generator import Generator
    from zoo.hookspecs import Finding


@hookimpl
def zoo_register_commands(cli: click.Group) -> None:
    """Add `export`, `generate` and `demo`."""
    cli.add_command(export)
    cli.add_command(generate)
    cli.add_command(demo)


@hookimpl
def zoo_check_generator(architecture: Architecture, generator: nn.Module) -> None:
    """Refuse a generator that cannot be exported."""
    from zoo_export.convert.dry_run import refuse_unexportable

    refuse_unexportable(architecture, generator)


@hookimpl
def zoo_diagnose() -> Iterable[Finding]:
    """Report whether onnxruntime works."""
    from zoo_export.runtime.doctor import diagnose

    return diagnose()


@hookimpl(tryfirst=True)
def zoo_open_generator(name: str) -> Generator | None:
    """Open a path that exists on this disk; any other name is left to the next plugin."""
    from zoo_export.open import open_path

    return open_path(name)


@hookimpl
def zoo_describe_file(path: Path) -> Mapping[str, Any] | None:
    """Describe an .onnx file."""
    if path.suffix.lower() != ".onnx":
        return None
    from zoo_export.describe import describe

    return describe(path)
