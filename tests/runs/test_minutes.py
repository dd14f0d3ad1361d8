"""A training that is given minutes, says how long it will take, and what it does while it ends."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import zoo as library
from tests.support.run_folders import drain, figures
from tests.support.training import leaves
from zoo.cli.screen import display
from zoo.errors import InputError
from zoo.evaluation import calibration
from zoo.evaluation.calibration import Calibration, calibration_batches
from zoo.generators.folder import GeneratorFolder, is_generator_folder
from zoo.pace import cadence
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.folder import GENERATOR
from zoo.runs.generator.write import write_generator
from zoo.runs.new import new_run
from zoo.runs.options import TrainOptions
from zoo.runs.record import read_record
from zoo.system.signals import SAME_REQUEST, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]
MOMENT = 1e-6
"""Minutes that are over within the first step."""


def steps_of(run: Path) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in checkpoints(run)]


def newest(run: Path) -> dict[str, Any]:
    return leaves(load_checkpoint(checkpoints(run)[-1])["trainer"])


def test_a_run_in_portions_of_time_equals_one_that_never_stopped(tiny: Path, tmp_path: Path) -> None:
    straight = library.train(str(tiny), out=tmp_path / "straight", precision="fp32")
    run = library.train(str(tiny), out=tmp_path / "run", precision="fp32", minutes=MOMENT)
    record = read_record(run)

    assert (record.state, record.step, record.steps, steps_of(run)) == ("stopped", 1, 4, [0, 1])
    assert GeneratorFolder.open(run / GENERATOR).verify().config.training.step == 1
    for step in (2, 3):
        library.resume(run, minutes=MOMENT)
        assert (read_record(run).step, steps_of(run)[-1]) == (step, step)
    library.resume(run, minutes=60)

    assert read_record(run).state == "done"
    assert newest(run) == newest(straight)
    assert figures(run) == figures(straight)


def test_whichever_comes_first_ends_it(tiny: Path, tmp_path: Path) -> None:
    by_steps = library.train(str(tiny), out=tmp_path / "steps", steps=1, minutes=60)
    by_time = library.train(str(tiny), out=tmp_path / "time", steps=3, minutes=MOMENT)

    assert [read_record(run).state for run in (by_steps, by_time)] == ["done", "stopped"]
    assert [read_record(run).step for run in (by_steps, by_time)] == [1, 1]


def test_the_command_says_how_far_it_came_and_how_to_go_on(zoo: Zoo, tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ran = zoo("train", tiny, "--out", run, "--minutes", f"{MOMENT:f}")

    assert (ran.code, ran.out) == (0, f"{run / GENERATOR}\n")
    assert f"{run}: the time is up, stopped at step 1 of 4." in ran.err.splitlines()
    assert f"Go on with:  zoo resume {run} --minutes 1e-06" in ran.err.splitlines()
    assert zoo("resume", run, "--minutes", "60").code == 0
    assert read_record(run).step == 4


@pytest.mark.parametrize(
    "minutes", ["0", "-1", "-0.5", "nan", "inf", "-inf", "abc", "", "1e9", "1e400", "4 min", "True"]
)
def test_minutes_that_are_none_are_refused_before_anything_is_made(
    zoo: Zoo, tiny: Path, minutes: str
) -> None:
    for command in (("train", tiny), ("resume",)):
        ran = zoo(*command, "--minutes", minutes)
        assert (ran.code, ran.out) == (3, "")
        assert ran.error == (
            f"--minutes: {minutes!r} is no number of minutes above 0 and up to 527,040 (a year). "
            "Give one like 4 or 0.5"
        )
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf"), 10**400, True, "abc", [4]])
def test_the_library_refuses_them_too(tiny: Path, minutes: Any) -> None:
    with pytest.raises(InputError, match=r"^minutes: .* is no number of minutes above 0"):
        library.train(str(tiny), minutes=minutes)
    with pytest.raises(InputError, match=r"^minutes: .* is no number of minutes above 0"):
        library.resume("x", minutes=minutes)
    assert list(Path.cwd().iterdir()) == []


def test_checkpoints_by_the_clock_change_nothing(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, options = ["training.checkpoint_every=100"], TrainOptions(precision="fp32")
    seldom = new_run(str(tiny), changes, out=tmp_path / "seldom", options=options)
    drain(seldom.go(4, Stop()))
    monkeypatch.setattr(cadence, "CHECKPOINT_SECONDS", 0.0)
    often = new_run(str(tiny), changes, out=tmp_path / "often", options=options)
    for progress in often.go(4, Stop()):
        assert steps_of(often.path)[-1] == progress.step

    assert (steps_of(seldom.path), steps_of(often.path)) == ([0, 4], [2, 3, 4])
    assert newest(often.path) == newest(seldom.path)
    assert figures(often.path) == figures(seldom.path)


def test_the_first_steps_have_samples_whatever_the_cadence(tiny: Path, tmp_path: Path) -> None:
    run = library.train(str(tiny), steps=11, changes=["training.sample_every=1000"], out=tmp_path / "run")

    assert sorted(path.name for path in (run / "samples").iterdir()) == [
        f"step-{step:06d}.png" for step in (1, 10, 11)
    ]


def test_the_estimate_comes_before_any_step(
    zoo: Zoo, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FIRST_SECONDS", "PLAIN_SECONDS"):
        monkeypatch.setattr(display, name, 0.0)
    said = zoo("train", tiny, "--out", tmp_path / "run").err.splitlines()
    timed = zoo(
        "train", tiny, "--out", tmp_path / "timed", "--minutes", "0.01", "--steps", "9999"
    ).err.splitlines()

    # The bundled drawings, what trains on what, then:
    assert re.fullmatch(
        r"about \d+ s on this machine to step 4 \(\d+ images/s\), it ends at .*\d\d:\d\d", said[2]
    )
    assert re.fullmatch(r"step 1/4  critic \S+  generator \S+  \d+ images/s  \d+ s left", said[3])
    assert len([line for line in said if " on this machine " in line]) == 1
    assert re.fullmatch(
        r"0\.01 minutes on this machine: about \d+ steps more, of 9999 in all \(\d+ images/s\), it ends at .*\d\d:\d\d",
        timed[2],
    )


def test_long_work_is_not_silent(
    zoo: Zoo, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(_metric: object, *_arguments: object) -> float:
        time.sleep(2.5)
        return 1.0

    monkeypatch.setattr(display, "SILENCE", 0.0)
    monkeypatch.setattr("zoo.evaluation.monitor.measure", slowly)
    said = zoo("train", tiny, "--steps", "1", "--out", tmp_path / "run").err.splitlines()

    assert [line for line in said if re.fullmatch(r"step 1/1: measuring swd, \d+ s so far", line)]


def struck(monkeypatch: pytest.MonkeyPatch, number: int, strike: Callable[[], object] = lambda: None) -> None:
    """Send this process a signal while it makes the generator, or do something else then."""
    real = calibration.calibration_batches

    def batches(step: int) -> int:
        strike()
        os.kill(os.getpid(), number)
        return real(step)

    monkeypatch.setattr("zoo.runs.generator.write.calibration_batches", batches)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_the_generator_is_made_leaves_it_out_and_says_so(
    zoo: Zoo, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int,
) -> None:  # fmt: skip
    run = tmp_path / "run"
    struck(monkeypatch, number)
    ran = zoo("train", tiny, "--out", run)

    assert (ran.code, ran.out) == (code, "")
    assert ran.error == (
        f"interrupted: step 4 is saved, and no generator is made from it. Make it with `zoo export {run} --onnx "
        f"--checkpoint best`, or go on with `zoo resume {run}`"
    )
    assert not is_generator_folder(run / GENERATOR)
    assert not list(run.rglob("*.tmp-*"))
    assert (read_record(run).state, steps_of(run)) == ("done", [0, 2, 4])
    monkeypatch.undo()
    assert write_generator(run).verify().config.training.step == 4


def test_it_is_answered_with_what_is_true() -> None:
    stop = Stop()
    assert stop.note(signal.SIGINT) == "stopping after this step; it is saved then"
    assert stop.note(signal.SIGTERM) is None, "a second one changes nothing"
    stop.stage = "ending"
    assert stop.note(signal.SIGTERM) is None, "torchrun's, right after a terminal's Ctrl-C"
    assert (stop.signal, stop.left_out) == (signal.SIGINT, None)

    late = Stop()
    late.note(signal.SIGINT)
    late._came -= SAME_REQUEST
    late.stage = "ending"
    assert late.note(signal.SIGINT) == "ending now: the generator is left out, what was trained is saved"
    assert late.note(signal.SIGINT) is None
    assert late.left_out == signal.SIGINT

    ended = Stop()
    ended.stage = "written"
    assert ended.note(signal.SIGTERM) == (
        "ending in a moment: the generator is being written, what was trained is saved"
    )
    assert (ended.signal, ended.left_out) == (None, None)


def test_a_generator_that_is_whole_already_is_not_lost(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = library.train(str(tiny), steps=2, out=tmp_path / "run")
    before = GeneratorFolder.open(run / GENERATOR).verify().config
    struck(monkeypatch, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="step 4 is saved, and no generator is made from it"):
        library.resume(run, steps=4)

    assert GeneratorFolder.open(run / GENERATOR).verify().config == before


def test_a_short_training_is_not_measured_longer_than_it_was_trained() -> None:
    assert [calibration_batches(step) for step in (0, 1, 8, 30, 64, 6000)] == [8, 8, 8, 30, 64, 64]


def test_samples_of_a_measured_step_take_what_was_measured(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = Calibration.network

    def counted(calibration: Calibration, batches: int) -> nn.Module:
        made.append(batches)
        return real(calibration, batches)

    run = new_run(str(tiny), out=tmp_path / "run")
    monkeypatch.setattr(Calibration, "network", counted)
    drain(run.go(4, Stop()))

    assert made == [8, 8], "the samples of step 1, then measurement and samples of step 4 together"
