"""What other commands say of a run that is starting or training, and which run they take when none is named."""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager, suppress
from functools import partialmethod
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import zoo as library
from tests.support.run_folders import bare_record
from zoo.errors import BusyError, DivergedError, InputError
from zoo.pace.cadence import Cadence
from zoo.pace.live import Live
from zoo.recipes.recipe import Training
from zoo.runs import lock
from zoo.runs.folder import generator_folder, latest_generator, latest_run
from zoo.runs.lock import STARTING, held, starting, starts
from zoo.runs.new import new_run
from zoo.runs.saving import RunFiles
from zoo.runs.summary import find_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]
RUNS = Path("runs")
NEED_A_RUN = (
    ("resume",),
    ("resume", "runs/tiny-1"),
    ("export", "--onnx"),
    ("export", "runs/tiny-1", "--onnx"),
    ("generate", "runs/tiny-1"),
    ("info", "runs/tiny-1"),
    ("push", "me/tiny"),
)
MINE = rf"process {os.getpid()} \(.*, since 20.*\)"


def bare_run(name: str, started: str) -> Path:
    """Make a run folder with a record and nothing else."""
    path = RUNS / name
    path.mkdir(parents=True)
    (path / "run.json").write_text(bare_record(started))
    return path


@contextmanager
def training(path: Path) -> Iterator[Live]:
    """Train in a run folder, as far as anybody can see from outside."""
    live = Live(path, 320)
    with held(path):
        live.start(119, 6000, Cadence(Training(steps=6000, batch_size=64), 6000))
        live.made(120)
        live._speed._first, live._speed._last = 2.0, (0.0, 120)  # two seconds a step
        live.begin("training")
        yield live
        live.close()


def test_a_run_that_is_starting_is_not_no_run(zoo: Zoo) -> None:
    with starting(RUNS):
        assert [path.name.startswith(STARTING) for path in starts(RUNS)] == [True]
        for command in NEED_A_RUN:
            ran = zoo(*command)
            assert ran.code == 7, command
            assert re.search(
                rf"a run is starting in (it|runs): {MINE}\. Wait for its first step", ran.error
            ), command
        (row,) = json.loads(zoo("runs", "--json").out)
        assert (row["state"], row["step"], row["doing"]) == ("starting", 0, None)
        assert zoo("info", "nothing").code == 2, "only what would lie beside it"
    assert starts(RUNS) == []
    assert not RUNS.exists()


def test_a_run_is_starting_until_its_first_step_and_has_no_speed_yet(zoo: Zoo) -> None:
    def shown() -> tuple[list[str], str]:
        (row,) = json.loads(zoo("runs", "--json").out)
        return zoo("runs").out.splitlines()[1].split()[1:-5], row["state"]

    with starting(RUNS):
        assert shown() == (["starting"], "starting")
    run = bare_run("tiny-1", "2026-01-01T00:00")
    facts = json.loads((run / "run.json").read_text()) | {"state": "running", "steps": 6000}
    (run / "run.json").write_text(json.dumps(facts))
    live = Live(run, 320)
    with held(run):
        assert shown() == (["starting", "0/6000"], "starting")
        live.start(0, 6000, Cadence(Training(steps=6000, batch_size=64), 6000))
        assert shown() == (["starting", "0/6000"], "starting")
        with live.busy("saving a checkpoint"):
            assert shown() == (["starting", "0/6000"], "starting")
        live.made(1)
        live.begin("training")
        words, state = shown()
        assert (words[:2], words[3], state) == (["training", "1/6000"], "images/s", "running")
    live.close()
    assert shown() == (["stopped", "0/6000", "-", "-"], "stopped")


@pytest.mark.parametrize(
    "changes",
    [(), ("optimizers.critic.learning_rate=1e30",)],
    ids=["to its end", "rolled back to step 0, and failed"],
)
def test_the_state_of_a_run_goes_forward_only(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, changes: tuple[str, ...]
) -> None:
    states: list[str] = []

    def looking(self: object, *arguments: object, act: Callable[..., object]) -> object:
        states.extend(run.state for run in find_runs(RUNS))
        done = act(self, *arguments)
        states.extend(run.state for run in find_runs(RUNS))
        return done

    monkeypatch.setattr("zoo.pace.live.EVERY", 0.0)
    for kind, name in ((Live, "_write"), (Live, "close"), (RunFiles, "note")):
        monkeypatch.setattr(kind, name, partialmethod(looking, act=getattr(kind, name)))

    with suppress(DivergedError):
        library.train(str(tiny), changes=changes, on_nan="rollback")

    assert [state for state, _ in groupby(states)] == ["starting", "running"]
    assert states.count("starting") > 4, "while the folder is made and the first checkpoint is saved"


@pytest.mark.parametrize(
    "command", [("resume",), ("generate",), ("info",), ("export", "--onnx")], ids=" ".join
)
def test_a_folder_in_which_a_run_is_starting_says_so(
    zoo: Zoo, tmp_path: Path, command: tuple[str, ...]
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with held(run):
        ran = zoo(command[0], run, *command[1:])

    assert ran.code == 7
    assert re.fullmatch(rf"{run}: {MINE} is starting a run in it\. Wait for its first step", ran.error)


def test_a_start_is_seen_while_the_images_are_read(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []

    def looking(*arguments: object, **named: object) -> object:
        seen.append([run.state for run in find_runs(RUNS)])
        return new_run(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr("zoo.runs.new.new_run", looking)
    run = library.train(str(tiny), steps=1)

    assert seen == [["starting"]]
    assert [path.name for path in RUNS.iterdir()] == [run.name]


def test_what_a_killed_start_left_is_no_start_and_is_swept_later(monkeypatch: pytest.MonkeyPatch) -> None:
    (RUNS / f"{STARTING}dead").mkdir(parents=True)
    assert starts(RUNS) == []
    monkeypatch.setattr(lock, "YOUNG", -1.0)
    with starting(RUNS):
        assert len(list(RUNS.iterdir())) == 1

    assert list(RUNS.iterdir()) == []
    with pytest.raises(InputError, match=r"^runs: there is no run in it\. Start one with"):
        latest_run()


def test_a_start_that_fails_leaves_nothing(zoo: Zoo) -> None:
    assert zoo("train", "zebra").code == 2
    assert list(Path.cwd().iterdir()) == []


def test_commands_that_need_a_generator_take_the_latest_run_that_has_one(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = library.train(str(tiny), steps=1)
    later = bare_run("later-1", "2999-01-01")
    capsys.readouterr()
    assert (latest_run(), latest_generator()) == (later, first)
    assert capsys.readouterr().err == f"taking {first}, the latest run with a generator: {later} has none\n"

    with training(later):
        assert latest_generator() == first
    assert re.fullmatch(
        rf"taking {first}, the latest run with a generator: {later} has none yet, it is training, at step 120 of 6000, "
        r"3 h 16 min left; its next checkpoint is due in about 2 min\n",
        capsys.readouterr().err,
    )
    with starting(RUNS):
        assert latest_generator() == first
    assert (
        capsys.readouterr().err
        == f"taking {first}, the latest run with a generator: another one is starting\n"
    )
    (later / "run.json").unlink()
    assert latest_generator() == first
    assert capsys.readouterr().err == "", "the latest needs no word"
    with training(first):
        assert latest_generator() == first
    assert (
        f"taking the generator that {first} had before: it is training, at step 120 of 6000"
        in capsys.readouterr().err
    )


def test_a_run_that_trains_says_when_its_next_checkpoint_is_due(zoo: Zoo) -> None:
    run = bare_run("tiny-1", "2026-01-01")
    with training(run) as live:
        for command in (("export", "--onnx"), ("push", "me/tiny"), ("generate", run), ("info", run)):
            ran = zoo(*command)
            assert ran.code == 7
            assert re.fullmatch(
                rf"{run}: it is training, at step 120 of 6000, 3 h 16 min left; its next checkpoint is due in about "
                r"2 min\. It makes its generator when it ends: wait for it, or stop it",
                ran.error,
            ), ran.error
        ran = zoo("resume")
        assert ran.code == 7
        assert ran.error.endswith(") is training in it, at step 120 of 6000. Wait for it, or stop it")
        (row,) = json.loads(zoo("runs", "--json").out)
        assert (row["state"], row["doing"], row["step"]) == ("running", "training", 120)
        assert (row["images_per_second"], row["seconds_left"]) == (160.0, 11760.0)
        with live.busy("measuring swd"):
            cells = zoo("runs").out.splitlines()[1]
        assert re.match(rf"{run} +measuring swd +120 +160 images/s +3 h 16 min +- ", cells)
    with pytest.raises(
        InputError, match=r"this run has no generator yet\. Go on with `zoo resume runs/tiny-1`$"
    ):
        generator_folder(run)


def test_a_run_that_was_trained_can_have_its_generator_made(zoo: Zoo) -> None:
    run = bare_run("tiny-1", "2026-01-01")
    for step in (0, 2):
        (run / "checkpoints" / f"step-{step:08d}").mkdir(parents=True)
    ran = zoo("generate", run)

    assert (ran.code, ran.error) == (
        3,
        f"{run}: this run has no generator yet. Make it with `zoo export {run} --onnx --checkpoint best`, or go on "
        f"with `zoo resume {run}`",
    )


def test_a_holder_that_says_nothing_of_itself_is_named(zoo: Zoo) -> None:
    run = bare_run("tiny-1", "2026-01-01")
    with held(run):
        ran = zoo("generate", run)
        with pytest.raises(BusyError, match=r"is training in it\. Wait for it, or stop it$"), held(run):
            pass

    assert ran.code == 7
    assert re.fullmatch(
        rf"{run}: {MINE} is at work in it, and it has no generator yet\. Wait for it", ran.error
    )
