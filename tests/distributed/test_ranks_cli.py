"""A training of two processes from the command line: one run folder, one voice, one end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import zoo
from tests.conftest import TINY
from tests.support.other_plugins import Plugins
from tests.support.run_folders import figures
from tests.support.together import LOOPBACK, SECONDS, Processes
from tests.support.training import leaves
from zoo.generators.folder import GeneratorFolder
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.lock import held
from zoo.runs.record import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Together = Callable[..., Processes]
    Run = tuple[Path, list[list[str]]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
STAND_IN = "zoo: warning: data.bundled is set, so the 100 bundled camel drawings are used"
LONG = ("--steps", "100000", "--set", "training.sample_every=100000", "--set", "training.eval_every=100000")
FIXED = (
    "--device",
    "cpu",
    "--precision",
    "fp32",
    "--set",
    "metric.patches=4",
    "--set",
    "metric.directions=16",
)
STOPPING = "zoo: SIGTERM: stopping after this step; it is saved then"
LOST = "zoo: error: {}another of the 2 ranks has ended or cannot be reached ("


@pytest.fixture
def together(tmp_path: Path) -> Iterator[Together]:
    """Return a function that starts `zoo` on two ranks."""
    started: list[Processes] = []

    def start(*arguments: str | Path) -> Processes:
        started.append(Processes(tmp_path, *arguments))
        return started[-1]

    yield start
    for processes in started:
        processes.kill()


def reaches(run: Path, number: int) -> None:
    """Wait until a run has so many checkpoints."""
    end = time.monotonic() + SECONDS
    while len(checkpoints(run)) < number:
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run of four steps that two processes made, and what they said."""
    folder = tmp_path_factory.mktemp("straight")
    (folder / "tiny.toml").write_text(TINY)
    processes = Processes(folder, "train", folder / "tiny.toml", "--out", folder / "run", *FIXED)
    assert processes.end() == [0, 0]
    return folder / "run", [processes.said(0), processes.said(1)]


def test_two_processes_fill_one_folder_with_one_voice(straight: Run) -> None:
    run, (first, second) = straight

    assert first[0] == STAND_IN
    assert first[1].endswith(f"fp32, 2 ranks; to {run}")
    assert second == []
    assert [path.name for path in checkpoints(run)] == [f"step-{step:08d}" for step in (0, 2, 4)]
    assert (
        GeneratorFolder.open(run / "generator").verify().config.training.steps == read_record(run).step == 4
    )
    assert [line["step"] for line in figures(run)] == [1, 2, 3, 4, 4]


def test_two_processes_go_on_bit_for_bit(
    together: Together, straight: Run, tiny: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    assert together("train", tiny, "--out", broken, "--steps", "2", *FIXED).end() == [0, 0]
    resumed = together("resume", broken, "--steps", "4")
    assert resumed.end() == [0, 0]

    ours, theirs = (load_checkpoint(checkpoints(run)[-1])["trainer"] for run in (broken, straight[0]))
    assert len(ours["ranks"]) == 1
    assert leaves(ours) == leaves(theirs)
    losses = ([line for line in figures(run) if "critic" in line] for run in (broken, straight[0]))
    assert next(losses) == next(losses)
    assert not any("warning" in line for line in resumed.said(0))


def test_a_run_goes_on_with_one_rank_less_or_more_and_says_so(
    together: Together, straight: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(straight[0], run)
    zoo.resume(run, steps=5)
    assert capsys.readouterr().err.startswith(f"zoo: warning: {run}: ranks was 2 and is 1")

    widened = together("resume", run, "--steps", "6")
    assert widened.end() == [0, 0]
    assert widened.said(0)[0] == (
        f"zoo: warning: {run}: ranks was 1 and is 2: it goes on, but not bit for bit as it would have"
    )
    assert (read_record(run).step, read_record(run).ranks) == (6, 2)
    assert len(load_checkpoint(checkpoints(run)[-1])["trainer"]["ranks"]) == 1


def test_a_signal_to_torchrun_stops_all_at_one_step_that_is_saved(tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--local-addr",
        "127.0.0.1",
    ]
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "-m", "zoo"]
    with subprocess.Popen(
        [*launcher, *meeting, "train", str(tiny), "--out", str(run), *LONG],
        env={**os.environ, **LOOPBACK},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            reaches(run, 2)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    record = read_record(run)

    ours = [line for line in said.splitlines() if line.startswith("zoo: ")]
    assert ours == [STAND_IN, STOPPING]
    assert record.state == "stopped"
    assert load_checkpoint(checkpoints(run)[-1])["trainer"]["step"] == record.step
    assert GeneratorFolder.open(run / "generator").verify().config.training.step == record.step


def test_a_signal_to_any_rank_stops_them_all(together: Together, tiny: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    processes = together("train", tiny, "--out", run, *LONG)
    reaches(run, 2)
    processes.each[1].send_signal(signal.SIGTERM)

    assert processes.end() == [143, 143]
    assert STOPPING in processes.said(0)
    assert processes.said(1) == []
    assert read_record(run).state == "stopped"
    assert int(checkpoints(run)[-1].name.removeprefix("step-")) == read_record(run).step


def test_time_that_is_up_stops_them_all_at_one_step_that_is_saved(
    together: Together, straight: Run, tiny: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    processes = together("train", tiny, "--out", run, "--minutes", "0.000001", *FIXED)
    assert processes.end() == [0, 0]

    assert f"{run}: the time is up, stopped at step 1 of 4." in processes.said(0)
    assert processes.said(1) == []
    assert (read_record(run).state, read_record(run).step) == ("stopped", 1)
    assert together("resume", run).end() == [0, 0]
    ours, theirs = (load_checkpoint(checkpoints(path)[-1])["trainer"] for path in (run, straight[0]))
    assert leaves(ours) == leaves(theirs)


@pytest.mark.parametrize("dead", [0, 1])
def test_a_rank_that_dies_is_noticed_by_the_other(
    together: Together, tiny: Path, tmp_path: Path, dead: int
) -> None:
    run = tmp_path / "run"
    processes = together("train", tiny, "--out", run, *LONG)
    reaches(run, 3)
    processes.each[dead].kill()
    left = 1 - dead

    assert processes.end()[left] == 6
    assert processes.said(left)[-1].startswith(LOST.format("rank 1: " if left else ""))
    assert processes.said(left)[-1].endswith("). See what it says, then go on with `zoo resume`")
    assert [load_checkpoint(path)["trainer"]["step"] for path in checkpoints(run)]
    if left == 0:
        assert read_record(run).state == "failed"


def test_what_rank_0_refuses_ends_them_all_in_its_words(
    together: Together, tiny: Path, tmp_path: Path
) -> None:
    uneven = together("train", tiny, "--out", tmp_path / "new", "--set", "training.batch_size=7")
    assert uneven.end() == [3, 3]
    assert uneven.said(0) == [
        "zoo: error: tiny.toml [training]: batch_size 7 cannot be split evenly over 2 ranks. "
        "Use --set training.batch_size=6 or 8",
    ]
    assert uneven.said(1) == []
    assert not (tmp_path / "new").exists()

    unknown = together("train", tiny, "--bogus")
    assert unknown.end() == [2, 2]
    assert (len(unknown.said(0)), unknown.said(1)) == (1, [])

    (tmp_path / "held").mkdir()
    with held(tmp_path / "held"):
        busy = together("train", tiny, "--out", tmp_path / "held")
        assert busy.end() == [7, 7]
    assert f"zoo: error: {tmp_path / 'held'}: process {os.getpid()} (" in busy.said(0)[-1]
    assert (len(busy.said(0)), busy.said(1)) == (1, [])


def test_figures_that_are_no_numbers_on_one_rank_end_both(
    together: Together, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bring(tmp_path, monkeypatch, 'batch.fake_scores.mean() * (float("nan") if len(CALLS) > 6 else 0.0)')
    processes = together("train", tiny, "--out", tmp_path / "run", *_with_loss("training.critic_steps=1"))

    assert processes.end() == [10, 10]
    assert processes.said(0)[-1].startswith(
        "zoo: error: step 7: the loss critic.odd is nan. Lower the learning rate"
    )
    assert processes.said(1) == []
    assert [int(path.name[5:]) for path in checkpoints(tmp_path / "run")] == [2, 4, 6]


def test_what_goes_wrong_on_one_rank_is_said_by_it(
    together: Together, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _bring(tmp_path, monkeypatch, "1 / 0 if len(CALLS) > 2 else batch.fake_scores.mean()")
    processes = together("train", tiny, "--out", tmp_path / "run", *_with_loss("training.critic_steps=1"))

    assert processes.end() == [6, 1]
    assert processes.said(0)[-1].startswith(LOST.format(""))
    assert processes.said(1) == [
        "zoo: error: rank 1: ZeroDivisionError: division by zero. This is a fault of the zoo or of a plugin; "
        "--debug shows where"
    ]


def _bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Give the processes a plugin with a loss that is odd on rank 1."""
    folder = tmp_path / "site"
    folder.mkdir()
    Plugins(folder).add(
        "zoo-odd",
        f"""
import os
from zoo.components import Loss
from zoo.hookspecs import hookimpl

CALLS = []

class Odd(Loss):
    name = "odd"

    def critic(self, batch):
        CALLS.append(1)
        return ({value}) if os.environ["RANK"] == "1" else batch.fake_scores.mean()

@hookimpl
def zoo_register_losses():
    return [Odd]
""",
    )
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


def _with_loss(*changes: str) -> tuple[str, ...]:
    losses = "losses=[{name='wasserstein'}, {name='gradient-penalty'}, {name='odd'}]"
    steps = "training.steps=12"
    return tuple(word for change in (losses, steps, *changes) for word in ("--set", change))
