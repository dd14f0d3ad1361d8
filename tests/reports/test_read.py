"""A history from a folder: whatever the folder holds."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.reports.test_symptoms import probe
from zoo.errors import InputError
from zoo.history import Curve, Distribution
from zoo.reports import read
from zoo.reports.correlation import rank_correlation
from zoo.reports.read import read_history

if TYPE_CHECKING:
    from pathlib import Path

RECORD = {
    "format": 1,
    "recipe": "tiny",
    "started": "2026-11-27T08:00:00+00:00",
    "device": "cpu",
    "precision": "fp32",
    "data": {
        "name": "quickdraw",
        "source": "camels",
        "licence": "cc-by-4.0",
        "images": 100,
        "fingerprint": "0" * 64,
    },
    "metric": "swd",
    "step": 40,
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with a record, and nothing else yet."""
    (tmp_path / "run.json").write_text(json.dumps(RECORD))
    (tmp_path / "probes").mkdir()
    return tmp_path


def log(run: Path, *lines: object) -> None:
    text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
    (run / "metrics.jsonl").write_text(text)


def test_curves_are_by_name_and_step(run: Path) -> None:
    log(
        run,
        {"step": 10, "critic": 1.0, "seconds": 2.5},
        {"step": 20, "critic": 2},
        {"step": 20, "swd": 9.0, "best": True},
    )

    history = read_history(run)

    assert history.curve("critic").values.tolist() == [1.0, 2.0]
    assert (history.quality.steps.tolist(), history.quality.values.tolist()) == ([20], [9.0])
    assert len(history.curve("best")) == 0, "a truth value is no figure"
    assert history.recipe is None


def test_what_a_killed_process_wrote_twice_counts_once(run: Path) -> None:
    log(
        run,
        {"step": 10, "critic": 1.0},
        {"step": 20, "critic": 5.0},
        '{"step": 30, "cri',
        {"step": 20, "critic": 2.0},
    )

    assert read_history(run).curve("critic").values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        '"x"',
        "{",
        '{"step": "10", "critic": 1}',
        '{"step": -1, "critic": 1}',
        '{"step": true, "critic": 1}',
        '{"step": 10, "critic": NaN}',
        '{"step": 10, "critic": 1e999}',
        '{"step": 10, "critic": [1]}',
        '{"step": 10, "critic": 1' + "0" * 400 + "}",
        "[" * 5000,
        '{"step": 1' + "0" * 400 + ', "critic": 1}',
        '{"step": 10, "' + "x" * 90 + '": 1}',
        "\x00\xff",
    ],
)
def test_a_damaged_line_is_passed_over(run: Path, line: str) -> None:
    log(run, line, {"step": 20, "critic": 2.0})

    assert read_history(run).curves.keys() == {"critic"}
    assert read_history(run).curve("critic").values.tolist() == [2.0]


def test_many_lines_take_seconds_and_a_thousand_names_are_not_all_kept(run: Path) -> None:
    line = json.dumps({"step": 1} | {f"loss{number}": number for number in range(1000)})
    with (run / "metrics.jsonl").open("w") as file:
        file.write(line + "\n")
        for step in range(200_000):
            file.write(f'{{"step": {step}, "loss1": 1.0}}\n')
    began = time.monotonic()

    history = read_history(run)

    assert len(history.curves) == 64
    assert len(history.curve("loss1")) == 200_000
    assert time.monotonic() - began < 20


def test_probes_are_in_the_order_of_steps_and_damaged_ones_left_out(run: Path) -> None:
    folder = run / "probes"
    for step in (20, 10, 999):
        (folder / f"step-{step:06d}.json").write_text(probe(step).model_dump_json())
    (folder / "step-000030.json").write_text("{")
    (folder / "step-000031.json").write_text(json.dumps({"format": 2, "step": 31}))
    (folder / "step-000032.json").write_text(probe(32).model_dump_json().replace('"mean":1.0', '"mean":NaN'))
    (folder / "step-000033.json").write_text("x" * (1 << 19))
    (folder / "step-000034.json").mkdir()
    log(run, {"step": 40, "swd": 9.0})

    assert [seen.step for seen in read_history(run).probes] == [10, 20], "999 is after the run's end"


def test_steps_are_in_the_order_of_numbers_and_the_last_probes_count(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "PROBES_LIMIT", 3)
    steps = (500, 999_500, 1_000_000, 1_000_500)
    for step in steps:
        (run / "probes" / f"step-{step:06d}.json").write_text(probe(step).model_dump_json())
    (run / "probes" / "step-\u00b25.json").write_text(probe(25).model_dump_json())
    log(run, {"step": 2_000_000, "swd": 9.0})

    assert [seen.step for seen in read_history(run).probes] == list(steps[1:])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
@pytest.mark.parametrize("name", ["metrics.jsonl", "recipe.toml", "probes/step-000010.json"])
def test_a_fifo_is_never_waited_for(run: Path, name: str) -> None:
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)

    if name == "metrics.jsonl":
        with pytest.raises(InputError, match="it cannot be read: it is no regular file"):
            read_history(run)
    else:
        assert read_history(run).probes == ()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"it holds no run\.json"):
        read_history(tmp_path)


def test_a_curve_is_smoothed_without_losing_its_ends() -> None:
    smooth = Curve(np.arange(5), np.array([0.0, 3, 6, 9, 12])).smoothed(3)

    assert smooth.values.tolist() == [1.5, 3.0, 6.0, 9.0, 10.5]
    assert Curve(np.arange(3), np.ones(3)).smoothed(50).values.tolist() == [1.0, 1.0, 1.0]


def test_a_histogram_knows_its_ends() -> None:
    numbers = Distribution(mean=0, std=1, low=-1, high=1, counts=(3, 0, 0, 1))

    assert numbers.edges.tolist() == [-1, -0.5, 0, 0.5, 1]
    assert numbers.at_ends == 1.0
    with pytest.raises(ValueError, match="low must not be above high"):
        Distribution(mean=0, std=1, low=1, high=-1, counts=(1, 1))
    with pytest.raises(ValueError, match="at least 2 items"):
        Distribution(mean=0, std=1, low=0, high=1, counts=(1,))


@pytest.mark.parametrize(
    ("one", "other", "rho"),
    [([1, 2, 3, 4], [10, 20, 30, 40], 1.0), ([1, 2, 3, 4], [9, 5, 1, 0], -1.0), ([1, 1, 1], [1, 2, 3], 0.0),
     ([1, 2, 3, 4, 5], [5, 6, 7, 8, 7], 0.8207826816681233)],
)  # fmt: skip
def test_the_rank_correlation_is_spearmans(one: list[float], other: list[float], rho: float) -> None:
    """The last is scipy.stats.spearmanr's own example."""
    assert rank_correlation(np.array(one, float), np.array(other, float)) == pytest.approx(rho)
