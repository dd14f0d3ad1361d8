"""`zoo export`, and what this package brings to the command line: opening what lies on this disk. Imports no torch."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.errors import InputError, UsageError
from zoo.hookspecs import hookimpl
from zoo_export.generate_command import generate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.diagnosis import Finding
    from zoo.generators import Generator
    from zoo_export.export import ExportReport


@click.command()
@click.argument("name", metavar="[RUN|GENERATOR]", required=False, type=click.Path(path_type=Path))
@click.option("--onnx", is_flag=True, help="Export to ONNX (float32).")
@click.option("--opset", type=int, default=20, show_default=True, help="Version of the ONNX operators.")
@click.option(
    "--checkpoint", metavar="best|last|N", help="Take this checkpoint of a run: best, last or a step."
)
@click.option("--out", type=click.Path(path_type=Path), help="Copy the generator into this new folder first.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def export(
    name: Path | None, onnx: bool, opset: int, checkpoint: str | None, out: Path | None, as_json: bool
) -> None:
    """Turn a trained generator (the latest run's when none is named) into one checked ONNX file."""
    if not onnx:
        raise UsageError("export: there is no format chosen. Add --onnx")
    if checkpoint is not None and not re.fullmatch("best|last|[0-9]+", checkpoint):
        raise UsageError(
            f"--checkpoint: {checkpoint!r} is neither best nor last nor a step. Give one of these"
        )
    from zoo.console import say
    from zoo.runs import latest_run
    from zoo_export.export import export as export_folder
    from zoo_export.export import export_copy

    source = name if name is not None else latest_run()
    say(f"exporting {source} and checking it against torch ...")
    if checkpoint is not None:
        from zoo_export.export import export_checkpoint

        report = export_checkpoint(_run_of(source), checkpoint, out, opset=opset)
    elif out is not None:
        report = export_copy(_generator_of(source), out, opset=opset)
    else:
        report = export_folder(_generator_of(source), opset=opset)
    if as_json:
        click.echo(json.dumps(_as_dict(report), indent=2))
    else:
        click.echo(_as_table(report))
        click.echo(_next_steps(out if out is not None else source, report.path.parent.parent))


@hookimpl
def zoo_register_commands(cli: click.Group) -> None:
    """Add `export` and `generate`."""
    cli.add_command(export)
    cli.add_command(generate)


@hookimpl
def zoo_diagnose() -> Iterable[Finding]:
    """Try onnxruntime."""
    from zoo_export.diagnosis import diagnose

    return diagnose()


@hookimpl(tryfirst=True)
def zoo_open_generator(name: str) -> Generator | None:
    """Open what exists on this disk; a name that does not is for the next plugin."""
    from zoo_export.opening import open_path

    return open_path(name)


def _run_of(source: Path) -> Path:
    """Return the run whose checkpoint is asked for."""
    from zoo.runs import is_run

    _require(source)
    if not is_run(source):
        raise UsageError(f"--checkpoint: {source} is no run, so it has no checkpoints. Leave it out")
    return source


def _require(source: Path) -> None:
    if not source.exists():
        raise InputError(f"{source}: there is no such folder. Give a run or a generator folder")


def _generator_of(source: Path) -> Path:
    """Return the generator folder to export."""
    from zoo.runs import generator_folder

    _require(source)
    folder = generator_folder(source)
    if folder is None:
        raise InputError(f"{source}: it is neither a run nor a generator folder. Give one of the two")
    return folder


def _as_table(report: ExportReport) -> str:
    lines = [
        f"{'batch':>5}  {'max |diff|':>10}  {'mean |diff|':>11}   onnxruntime against torch, "
        f"at most {report.parity.tolerance:.0e}"
    ]
    lines += [f"{row.batch:>5}  {row.max:>10.1e}  {row.mean:>11.1e}" for row in report.parity.batches]
    lines.append(f"{report.path}: {report.size / 1e6:.1f} MB, opset {report.opset}")
    return "\n".join(lines)


def _as_dict(report: ExportReport) -> dict[str, object]:
    return {**asdict(report), "path": str(report.path)}


def _next_steps(typed: Path, folder: Path) -> str:
    from zoo.generator_folder import read_config

    path = shlex.quote(str(typed))
    return f"Next:  zoo generate {path}  ;  zoo push me/{read_config(folder).recipe} {path}"
