"""`report.html`: one file, without a network, that shows what became of a training."""

from __future__ import annotations

import base64
import hashlib
import io
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
from PIL import Image, UnidentifiedImageError

from zoo.errors import counted, quoted
from zoo.pace.speed import in_words
from zoo.reports.health import diagnose
from zoo.reports.plots import plots
from zoo.reports.read import files_by_step, read_history
from zoo.runs.folder import GENERATOR, NEIGHBOURS, PROBES, RECIPE
from zoo.system.atomic import write_atomic
from zoo.system.regular_files import read_regular

if TYPE_CHECKING:
    from zoo.history import Diagnosis, History

REPORT = "report.html"
FRAMES = 24
"""Sample grids in the page, evenly spaced; all of them would be megabytes."""
PICTURE_LIMIT = 4 << 20
"""Bytes of a picture's file; larger ones are left out."""
PIXELS_LIMIT = 16_000_000
SIDE_LIMIT = 1200
"""Pixels of a picture's longer side, to which larger ones are shrunk."""
TEXT_LIMIT = 1 << 16
FRAMES_TOTAL = 2 << 20
"""Bytes of all sample grids."""


@dataclass(frozen=True)
class Frame:
    """A sample grid."""

    step: int
    data: str
    """`data:image/png;base64,...`."""


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write a run's report, and return its path.

    Raises:
        InputError: it is no run, or its `run.json` is wrong.
        ResourceError: the disk refuses the file.
    """
    history = read_history(run)
    path = out or run / REPORT
    write_atomic(path, page(run, history, diagnose(history)).encode("utf-8", "backslashreplace"))
    return path


def page(run: Path, history: History, findings: list[Diagnosis]) -> str:
    """Return the page. Everything from the run folder is escaped, and nothing of it is a script."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    here = Path(__file__)
    template = environment.from_string(here.with_name("page.html").read_text("utf-8"))
    script = here.with_name("page.js").read_text("utf-8")
    return template.render(
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        name=run.resolve().name,
        facts=_facts(history),
        about=f"{history.record.get('recipe')}: {_reached(history)}",
        findings=findings,
        frames=_frames(run),
        neighbours=_picture(run / PROBES / NEIGHBOURS),
        plots=plots(history),
        recipe=_text(run / RECIPE),
        commands=_commands(run),
        probed=bool(history.probes),
        steps=counted(history.steps, "step"),
    )


def _facts(history: History) -> list[tuple[str, str]]:
    record = history.record
    data: dict[str, Any] = record.get("data") or {}
    seconds = float(record.get("seconds") or 0)
    best = record.get("best") or {}
    speed = history.curve("images_per_second").values
    rows = [
        ("recipe", record.get("recipe")),
        ("state", _reached(history)),
        ("best", f"{record.get('metric')} {best['value']:.2f} at step {best['step']}" if best else None),
        ("images", f"{data.get('images')} from {data.get('source')}, licence {data.get('licence')}"),
        ("time", in_words(seconds) if seconds else None),
        ("throughput", f"{sorted(speed)[len(speed) // 2]:,.0f} images/s" if len(speed) else None),
        ("hardware", f"{record.get('hardware')}, {record.get('precision')}"),
        (
            "versions",
            ", ".join(f"{name} {version}" for name, version in (record.get("versions") or {}).items()),
        ),
        ("seed", record.get("seed")),
        ("figure", record.get("protocol")),
        ("command", shlex.join(map(str, record.get("command") or ()))),
    ]
    return [(name, str(value)[:1000]) for name, value in rows if value not in (None, "")]


def _reached(history: History) -> str:
    record = history.record
    return f"{record.get('state')}, {history.steps:,} of {record.get('steps') or 0:,} steps"


def _commands(run: Path) -> list[str]:
    name = quoted(run)
    made = (run / GENERATOR).is_dir()
    return [f"zoo export {name} --onnx", f"zoo generate {name} -n 64"] * made + [
        f"zoo resume {name}",
        f"zoo diagnose {name}",
    ]


def _frames(run: Path) -> list[Frame]:
    """Return some of the sample grids, the first and the last of them for sure."""
    paths = files_by_step(run / "samples", ".png")
    if len(paths) > FRAMES:
        paths = [paths[round(index * (len(paths) - 1) / (FRAMES - 1))] for index in range(FRAMES)]
    frames, total = [], 0
    for path in reversed(paths):
        data = _picture(path)
        if data is not None and total + len(data) <= FRAMES_TOTAL:
            total += len(data)
            frames.append(Frame(int(path.stem[len("step-") :]), data))
    return frames[::-1]


def _picture(path: Path) -> str | None:
    """Return a picture as a data URL, decoded and encoded again; None where it is none, or too large."""
    try:
        data = io.BytesIO(read_regular(path, PICTURE_LIMIT, links=False))
        with Image.open(data, formats=("PNG",)) as image:
            if image.width * image.height > PIXELS_LIMIT:
                return None
            image.thumbnail((SIDE_LIMIT, SIDE_LIMIT))
            buffer = io.BytesIO()
            image.convert("RGB" if image.mode not in ("L", "RGB") else image.mode).save(
                buffer, "PNG", compress_level=6
            )
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _text(path: Path) -> str:
    try:
        return read_regular(path, TEXT_LIMIT, links=False).decode("utf-8", "replace")
    except OSError:
        return ""
