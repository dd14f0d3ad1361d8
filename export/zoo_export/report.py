"""The export report: which files were written and how they compare with torch. Imports no torch.

It becomes `onnx/report.json` and the table on the terminal.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from zoo.generators.files import LIMITS, REPORT
from zoo.system.regular_files import read_inside
from zoo.system.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zoo.generators.files import Variant
    from zoo.generators.folder import GeneratorFolder
    from zoo_export.convert.parity import BatchParity, Parity
    from zoo_export.convert.timing import Speed


@dataclass(frozen=True)
class ExportedFile:
    """One ONNX file that was written, and how its pictures compare with torch's."""

    variant: Variant
    name: str
    """Relative to the generator folder: `onnx/model.onnx`."""
    size: int
    """Bytes."""
    sha256: str
    opset: int
    parity: Parity


@dataclass(frozen=True)
class ExportReport:
    """What was written into a generator folder; the float32 file comes first."""

    folder: GeneratorFolder
    """With the files in it, once they are written."""
    files: tuple[ExportedFile, ...]
    machine: str
    """Where the figures were measured: processor, threads, versions."""

    @property
    def path(self) -> Path:
        """The float32 file."""
        return self.folder.file(self.files[0].name)


def as_dict(report: ExportReport) -> dict[str, Any]:
    """Return the report in the form of `onnx/report.json`."""
    return {
        "format": 1,
        "variants": {file.variant: {**_facts(file), "machine": report.machine} for file in report.files},
    }


def report_json(report: ExportReport) -> bytes:
    """Return the bytes of `onnx/report.json`: this export's variants, and earlier ones whose files are unchanged."""
    facts = as_dict(report)
    for variant, earlier in _earlier_variants(report.folder.path).items():
        record = report.folder.config.files.get(str(earlier.get("file")))
        if variant not in facts["variants"] and record and record.sha256 == earlier.get("sha256"):
            facts["variants"][variant] = earlier
    return (json.dumps(facts, indent=2, allow_nan=False) + "\n").encode()


def table(report: ExportReport) -> str:
    """Return the figures, a line for each variant and batch size, then a line for each file."""
    rows = [_HEADER, *(_cells(file.variant, row) for file in report.files for row in file.parity.batches)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = [
        "  ".join(
            f"{cell:<{width}}" if column == 0 else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([*lines, *(_file_line(report.folder.path, file) for file in report.files)])


_HEADER = ("variant", "batch", "max |diff|", "mean |diff|", "pixels differ", "ms", "images/s", "torch eager")


def _facts(file: ExportedFile) -> dict[str, Any]:
    return {
        "file": file.name,
        "size": file.size,
        "sha256": file.sha256,
        "opset": file.opset,
        "provider": file.parity.provider,
        "batches": [_batch(row) for row in file.parity.batches],
        **({} if file.parity.speed is None else {"speed": asdict(file.parity.speed)}),
    }


def _batch(row: BatchParity) -> dict[str, Any]:
    return {
        "batch": row.batch,
        "max_difference": row.max,
        "mean_difference": row.mean,
        "pixels_differing": row.pixels,
        "most_levels": row.levels,
        "psnr": row.psnr,
        "seconds": row.seconds,
        "images_per_second": _rate(row.batch, row.seconds),
        "torch_seconds": row.torch_seconds,
        "torch_images_per_second": _rate(row.batch, row.torch_seconds),
    }


def _rate(batch: int, seconds: float | None) -> float | None:
    return None if seconds is None else round(batch / seconds, 1)


def _cells(variant: Variant, row: BatchParity) -> tuple[str, ...]:
    def rate(seconds: float | None) -> str:
        return "-" if seconds is None else f"{batch / seconds:.0f}"

    batch = row.batch
    return (
        variant,
        str(batch),
        f"{row.max:.1e}",
        f"{row.mean:.1e}",
        f"{row.pixels:.2%}",
        "-" if row.seconds is None else f"{1000 * row.seconds:.1f}",
        rate(row.seconds),
        rate(row.torch_seconds),
    )


def _file_line(folder: Path, file: ExportedFile) -> str:
    psnr = file.parity.batches[-1].psnr
    noise = f", PSNR {psnr:.1f} dB" if file.variant == "int8" and psnr is not None else ""
    speed = "" if file.parity.speed is None else f", {_speed(file.parity.speed)}"
    figures = f"{file.size / 1e6:.1f} MB, opset {file.opset}{noise}{speed}"
    return f"{folder / file.name}: {figures}, on {file.parity.provider}"


def _speed(speed: Speed) -> str:
    if speed.faster is None:
        return (
            f"not certainly faster or slower than float32 here ({speed.rounds} rounds, "
            f"{speed.ratio:.2f} times as long)"
        )
    if speed.faster:
        return f"{1 / speed.ratio:.1f} times as fast as float32 here"
    return f"{speed.ratio:.1f} times as slow as float32 here"


def _earlier_variants(folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return the variants in the folder's present report; none where there is none or it cannot be read."""
    try:
        variants = parse_object(read_inside(folder, REPORT, LIMITS[REPORT]))["variants"]
    except (OSError, ValueError, KeyError):
        return {}
    if not isinstance(variants, dict):
        return {}
    return {name: facts for name, facts in variants.items() if isinstance(facts, dict)}
