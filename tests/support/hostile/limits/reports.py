"""Limits of what a report shows of a run; reading it needs torch."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING
from unittest.mock import patch

from PIL import Image

from tests.support.hostile.limits.limit import LeftOutError, Limit
from tests.support.run_folders import bare_record
from zoo.history import BINS, WALK_FRAMES, Distribution, Probe
from zoo.reports import animations, pictures, read
from zoo.reports.animations import grids
from zoo.reports.read import read_history
from zoo.runs.folder import PROBES, WALK
from zoo.runs.metrics_log import figure_at
from zoo.system.strict_json import LINE_LIMIT

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.history import History

FIGURES, PICTURES = "`metrics.jsonl` in a report", "a probe, a sample grid in a report"
LINE = "a line of `metrics.jsonl`"


def picture(width: int, height: int) -> bytes:
    """Return a grey PNG."""
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


def _history(folder: Path) -> History:
    (folder / "run.json").write_text(bare_record("2026-01-01"))
    return read_history(folder)


def _probe() -> str:
    some = Distribution(mean=0, std=1, low=0, high=1, counts=(0,) * BINS)
    probe = Probe(
        step=1, training_scores=some, held_out_scores=some, generated_scores=some, slopes=some, weights=some,
        generated_spread=1, training_spread=1, neighbours=(), training_neighbour=1,
    )  # fmt: skip
    return probe.model_dump_json()


def line_of_bytes(folder: Path, size: int) -> None:
    """Look for a figure in a line that has spaces in it; the end of the line does not count."""
    text = json.dumps({"step": 3, "swd": 0.5})
    (folder / "metrics.jsonl").write_text(text[:-1] + " " * (size - len(text)) + "}\n")
    if figure_at(folder, "swd", 3) is None:
        raise LeftOutError("no figure")


def report_of_figures(folder: Path, count: int) -> None:
    """Read a log of so many figures, 50 in a line."""
    names = [f"f{index}" for index in range(50)]
    with (folder / "metrics.jsonl").open("w") as file:
        body = ", ".join(f'"{name}": 1' for name in names)
        file.writelines(f'{{"step": {step}, {body}}}\n' for step in range(count // 50))
        rest = "".join(f', "{name}": 1' for name in names[: count % 50])
        file.write(f'{{"step": {count // 50}{rest}}}\n')
    found = sum(len(curve) for curve in _history(folder).curves.values())
    if found < count:
        raise LeftOutError(f"{found} figures")


def report_of_names(folder: Path, count: int) -> None:
    """Read a log of so many names."""
    (folder / "metrics.jsonl").write_text(
        json.dumps({"step": 1, **{f"f{n}": 1 for n in range(count)}}) + "\n"
    )
    found = len(_history(folder).curves)
    if found < count:
        raise LeftOutError(f"{found} names")


def report_of_lines(folder: Path, count: int) -> None:
    """Read a log of so many lines, of which the last alone says something."""
    (folder / "metrics.jsonl").write_bytes(b"\n" * (count - 1) + b'{"step": 1, "a": 1}\n')
    if not _history(folder).curves:
        raise LeftOutError("no curve")


def report_of_bytes(folder: Path, size: int) -> None:
    """Read a log of which the first part is a hole, and a line that begins a byte before its size says something."""
    with (folder / "metrics.jsonl").open("wb") as file:
        file.seek(size - 2)
        file.write(b'\n{"step": 1, "a": 1}\n')
    if not _history(folder).curves:
        raise LeftOutError("no curve")


def probe_of_bytes(folder: Path, size: int) -> None:
    """Read a probe that ends in spaces."""
    text = _probe()
    (folder / "probes").mkdir()
    (folder / "probes" / "step-00000001.json").write_text(text + " " * (size - len(text)))
    (folder / "metrics.jsonl").write_text('{"step": 1, "a": 1}\n')
    if not _history(folder).probes:
        raise LeftOutError("no probe")


def grid_of_bytes(folder: Path, size: int) -> None:
    """Show a sample grid with so many bytes, the last of which are no part of the picture."""
    data = picture(8, 8)
    _shown(folder, [data + bytes(size - len(data))])


def grid_of_pixels(folder: Path, pixels: int) -> None:
    """Show a sample grid of so many pixels, 4,000 in a row."""
    _shown(folder, [picture(4000, pixels // 4000)])


def grids_in_a_report(folder: Path, count: int) -> None:
    """Show so many sample grids."""
    _shown(folder, [picture(8, 8)] * count)


def _shown(folder: Path, pictures: list[bytes]) -> None:
    (folder / "samples").mkdir()
    for number, data in enumerate(pictures):
        (folder / "samples" / f"step-{number:08d}.png").write_bytes(data)
    found = len(grids(folder))
    if found < len(pictures):
        raise LeftOutError(f"{found} grids")


def grids_of_bytes(folder: Path, size: int) -> None:
    """Show two sample grids which, as they stand in the page, have so many bytes."""
    (folder / "samples").mkdir()
    for number in range(2):
        (folder / "samples" / f"step-{number:08d}.png").write_bytes(picture(8, 8))
    sizes = iter([size // 2, size - size // 2])
    with patch.object(animations, "data_url", lambda _: "x" * next(sizes)):
        found = len(grids(folder))
    if found < 2:
        raise LeftOutError(f"{found} grids")


def grids_of_pixels(folder: Path, pixels: int) -> None:
    """Show eight sample grids of so many pixels together, 4,000 in a row."""
    _shown(folder, [picture(4000, pixels // 32_000)] * 8)


def walk_of_bytes(folder: Path, size: int) -> None:
    """Show a walk whose frames, as they stand in the page, have so many bytes."""
    (folder / PROBES).mkdir()
    (folder / PROBES / WALK).write_bytes(picture(8, 8 * WALK_FRAMES))
    sizes = iter([size - 17 * (size // WALK_FRAMES), *[size // WALK_FRAMES] * 17])
    with patch.object(animations, "data_url", lambda _: "x" * next(sizes)):
        if not animations.animations(folder):
            raise LeftOutError("no walk")


REPORT_LIMITS = (
    Limit(LINE, "64 KiB", LINE_LIMIT, line_of_bytes, "no figure"),
    Limit(FIGURES, "1,000,000 figures", read.POINTS_LIMIT, report_of_figures, "1000000 figures"),
    Limit(FIGURES, "64 names", read.CURVES_LIMIT, report_of_names, "64 names"),
    Limit(FIGURES, "500,000 lines", read.LINES_LIMIT, report_of_lines, "no curve"),
    Limit(FIGURES, "256 MiB", read.LOG_LIMIT, report_of_bytes, "no curve"),
    Limit(PICTURES, "256 KiB", read.PROBE_LIMIT, probe_of_bytes, "no probe"),
    Limit(PICTURES, "4 MiB", pictures.PICTURE_LIMIT, grid_of_bytes, "0 grids"),
    Limit(PICTURES, "16,000,000 pixels", pictures.PIXELS_LIMIT, grid_of_pixels, "0 grids", step=4000),
    Limit(PICTURES, "24 grids", animations.FRAMES_LIMIT, grids_in_a_report, "24 grids"),
    Limit(PICTURES, "1,536 KiB", animations.GRIDS_LIMIT, grids_of_bytes, "1 grids"),
    Limit(
        PICTURES,
        "64,000,000 pixels together",
        animations.GRIDS_PIXELS_LIMIT,
        grids_of_pixels,
        "7 grids",
        step=32_000,
    ),
    Limit(PICTURES, "a walk of 512 KiB", animations.WALK_LIMIT, walk_of_bytes, "no walk"),
)
