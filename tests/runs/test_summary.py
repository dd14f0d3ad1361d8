"""`zoo runs`: what is told of the runs in a folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import zoo as library
from zoo.errors import rounded
from zoo.runs.lock import held
from zoo.runs.new import new_run
from zoo.runs.record import read_record
from zoo.runs.summary import find_runs
from zoo.system.signals import Stop

if TYPE_CHECKING:
    import pytest

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]


def test_the_runs_here_oldest_first(zoo: Zoo, tiny: Path) -> None:
    first = library.train(str(tiny))
    second = library.train(str(tiny), steps=1, changes=["training.eval_every=7"])
    ran = zoo("runs")
    rows = [line.split() for line in ran.out.splitlines()]
    best = read_record(first).best

    assert ran.code == 0
    assert best is not None
    assert rows[0] == ["run", "state", "steps", "speed", "left", "best", "size", "started"]
    assert rows[1][:8] == [str(first), "done", "4/4", "-", "-", "swd", rounded(best.value), "at"]
    assert rows[2][:3] == [str(second), "done", "1/1"]


def test_json_has_every_field(zoo: Zoo, tiny: Path) -> None:
    run = library.train(str(tiny))
    (row,) = json.loads(zoo("runs", "--json").out)
    record = read_record(run)
    size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())

    assert record.best is not None
    assert row == {
        "path": str(run), "recipe": "tiny", "state": "done", "doing": None, "step": 4, "steps": 4, "metric": "swd",
        "best": record.best.value, "best_step": 4, "bytes": size, "started": record.started,
        "images_per_second": None, "seconds_left": None, "protocol": record.protocol,
        "fingerprint": record.data.fingerprint, "higher_is_better": False,
    }  # fmt: skip


def test_best_figures_of_different_protocols_are_never_in_one_column(zoo: Zoo, tiny: Path) -> None:
    first = library.train(str(tiny), steps=1)
    record = json.loads((first / "run.json").read_text())
    others = {
        "b": {"best": {"step": 1, "value": 1.5}},
        "c": {"best": {"step": 1, "value": 2.5}, "protocol": "another"},
        "d": {"best": {"step": 1, "value": 3.5}, "data": record["data"] | {"fingerprint": "f" * 64}},
        "e": {"best": {"step": 1, "value": 4.5}, "protocol": None},
        "f": {"best": {"step": 1, "value": 5.5}, "protocol": None},
        "g": {"best": None, "metric": None},
    }
    for number, (name, change) in enumerate(others.items()):
        run = Path("runs", name)
        run.mkdir()
        (run / "run.json").write_text(json.dumps(record | change | {"started": f"3000-01-0{number + 1}"}))

    ran = zoo("runs")

    rows = [re.split(r" {2,}", line) for line in ran.out.splitlines()]
    assert rows[0][5:9] == ["best [1]", "best [2]", "best [3]", "best [4]"]
    shown = {row[0]: row[5:9] for row in rows[1:]}
    for place, (name, value) in enumerate({"c": "2.5", "d": "3.5", "e": "4.5", "f": "5.5"}.items()):
        assert shown[f"runs/{name}"] == [f"swd {value} at 1" if at == place else "-" for at in range(4)]
    assert {*shown["runs/b"], *shown["runs/g"]} == {"-"}
    assert ran.err.splitlines() == [
        "Best figures in different columns were measured in different ways: `zoo compare` says how",
        "Those of 2 older runs, measured in more ways still, are left out",
    ]


def test_running_is_who_is_held_and_a_killed_run_is_stopped(tiny: Path) -> None:
    run = new_run(str(tiny))
    next(run.go(4, Stop()))
    (run.path / "run.json").write_text((run.path / "run.json").read_text().replace("stopped", "running"))

    assert [found.state for found in find_runs(Path("runs"))] == ["stopped"]
    with held(run.path):
        assert [found.state for found in find_runs(Path("runs"))] == ["running"]


def test_no_run_and_a_damaged_record_are_no_errors(zoo: Zoo, tmp_path: Path) -> None:
    empty = zoo("runs", tmp_path)
    assert (empty.code, empty.out) == (0, "")
    assert empty.err == f"{tmp_path}: there is no run in it. Start one with `zoo train camel-wgangp`\n"

    for name, record in (("a", "{"), ("b", "[]"), ("c", '{"best": null}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(record)
    ran = zoo("runs", tmp_path, "--json")
    assert (ran.code, ran.out) == (0, "[]\n")
    assert len(ran.warnings) == 3
    odd = f"{tmp_path / 'c' / 'run.json'}: it lacks 'recipe'. Restore it or start a new run. It is left out"
    assert odd in ran.warnings

    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "run.json").write_text("[]")
    same = [warning for warning in zoo("runs", tmp_path).warnings if "b/run.json" in warning]
    assert len(same) == 1
    assert same[0].startswith(f"{tmp_path / 'b' / 'run.json'} and {tmp_path / 'd' / 'run.json'}: ")
    assert same[0].endswith(". Restore it or start a new run. They are left out")


def test_a_start_that_is_gone_once_it_is_looked_at_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.runs.summary.starts", lambda parent: [parent / "gone"])
    assert find_runs(tmp_path) == []
