"""`zoo export`. Imports no torch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH
from zoo.errors import InputError, UsageError, quoted
from zoo.system.terminal import echo, echo_json, echo_lines

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generators.files import Variant
    from zoo_export.export import ExportOptions
    from zoo_export.report import ExportReport


@click.command(short_help="Turn a trained generator into checked ONNX files.")
@click.argument("name", metavar="[RUN|GENERATOR]", required=False, type=PATH)
@click.option("--onnx", is_flag=True, help="Export to ONNX (float32).")
@click.option("--fp16", is_flag=True, help="And a file of half the size, with float32 latents and images.")
@click.option("--int8", is_flag=True, help="And a quantised file, where that is faster.")
@click.option("--uint8", is_flag=True, help="And one that gives uint8 RGB, as torch-fidelity reads it.")
@click.option("--opset", type=int, default=20, show_default=True, help="Version of the ONNX operators.")
@click.option(
    "--checkpoint",
    type=NAME,
    metavar="best|last|N",
    help="Take this checkpoint of a run: best, last or a step.",
)
@click.option("--out", type=PATH, help="Copy the generator into this new folder first.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def export(
    name: Path | None,
    onnx: bool,
    fp16: bool,
    int8: bool,
    uint8: bool,
    opset: int,
    checkpoint: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Turn a trained generator (the latest run's when none is named) into checked ONNX files.

    Each is compared with torch before it is written; where one differs by more than it may, none is.
    """
    if not onnx:
        raise UsageError("export: there is no format chosen. Add --onnx")
    if checkpoint is not None and not re.fullmatch("best|last|[0-9]+", checkpoint):
        raise InputError(
            f"--checkpoint: {checkpoint!r} is neither best nor last nor a step. Give one of these"
        )
    from zoo.runs.folder import latest_generator, latest_run
    from zoo_export.export import ExportOptions
    from zoo_export.report import as_dict, table

    source = name or (latest_generator() if checkpoint is None else latest_run())
    chosen: dict[Variant, bool] = {"fp16": fp16, "int8": int8, "uint8": uint8}
    variants = tuple(variant for variant, is_chosen in chosen.items() if is_chosen)
    report = _export(source, checkpoint, out, ExportOptions(opset, variants, timed=True))
    if as_json:
        echo_json({"folder": str(report.folder.path), **as_dict(report)})
    else:
        echo_lines(table(report))
        echo(_next_steps(out if out is not None else source, report))


def _export(source: Path, checkpoint: str | None, out: Path | None, options: ExportOptions) -> ExportReport:
    from zoo.system.console import say
    from zoo_export import export
    from zoo_export.open import require_generator_folder

    doing = f"exporting {source} and checking it against torch ..."
    if checkpoint is not None:
        _require_run(source)
        say(doing)
        return export.export_checkpoint(source, checkpoint, out, options)
    folder = require_generator_folder(source)
    say(doing)
    return export.export(folder, options) if out is None else export.export_copy(folder, out, options)


def _require_run(source: Path) -> None:
    """Refuse --checkpoint for what is no run."""
    from zoo.runs.folder import is_run
    from zoo_export.open import require_exists

    require_exists(source)
    if not is_run(source):
        raise UsageError(f"--checkpoint: {source} is no run, so it has no checkpoints. Leave it out")


def _next_steps(typed: Path, report: ExportReport) -> str:
    path = quoted(typed)
    return f"Next:  zoo generate {path}  ;  zoo push OWNER/{report.folder.config.recipe} {path}"
