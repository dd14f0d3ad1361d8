"""`report.html`: one file, without a network, that shows what became of a training."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from zoo.errors import counted, quoted, rounded
from zoo.generators.measures import direction
from zoo.pace.speed import in_words
from zoo.reports.animations import animations
from zoo.reports.health import diagnose
from zoo.reports.pictures import picture_url
from zoo.reports.plots import plots
from zoo.reports.read import read_history
from zoo.reports.template import render
from zoo.runs.folder import GENERATOR, NEIGHBOURS, PROBES, RECIPE, REPORT
from zoo.system.atomic import write_atomic
from zoo.system.regular_files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.history import Diagnosis, History

TEXT_LIMIT = 1 << 16


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
    return render(
        "page",
        name=run.resolve().name,
        facts=_facts(history),
        about=f"{history.record.get('recipe')}: {_reached(history)}",
        findings=findings,
        animations=animations(run),
        neighbours=picture_url(run / PROBES / NEIGHBOURS),
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
    speed = history.curve("images_per_second").values
    rows = [
        ("recipe", record.get("recipe")),
        ("state", _reached(history)),
        ("best", _best(history)),
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


def _best(history: History) -> str | None:
    best = history.record.get("best")
    if not best:
        return None
    which = direction(history.higher_is_better)
    text = f"{history.record.get('metric')} {rounded(best['value'])} at step {best['step']}"
    return f"{text} ({which})" if which else text


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


def _text(path: Path) -> str:
    try:
        return read_regular(path, TEXT_LIMIT, links=False).decode("utf-8", "replace")
    except OSError:
        return ""
