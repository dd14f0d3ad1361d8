"""Looking at a training changes nothing in it, and what was seen is the same whether it was stopped in between."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import TINY
from tests.support.run_folders import drain, figures
from tests.support.training import leaves
from zoo.evaluation.monitor import Monitor
from zoo.reports.watch import report_at_end, warnings_of
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.new import new_run
from zoo.runs.resume import reopen
from zoo.system.signals import Stop

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 3
CHANGES = [
    *(f"training.{change}" for change in (f"steps={STEPS}", "eval_every=2", "checkpoint_every=1")),
    # What looking could disturb: networks that draw random numbers, and whose statistics each pass moves.
    'losses=[{name="bce"}]',
    "training.critic_steps=1",
    "architecture.critic_batch_norm_momentum=0.9",
    "architecture.critic_dropout=0.3",
    "architecture.generator_dropout=0.3",
    'augmentations=[{name="affine"}]',
]


def train_in(place: Path, *, stop_after: int | None = None) -> Path:
    """Train in `place`/run, diagnosed as on the command line, stop after a step where one is given, and go on."""
    (place / "tiny.toml").write_text(TINY)
    run, stop = new_run(str(place / "tiny.toml"), changes=CHANGES, out=place / "run"), Stop()
    for progress in warnings_of(run.path, run.go(STEPS, stop)):
        stop.signal = signal.SIGTERM if progress.step == stop_after else None
    if stop_after is not None:
        assert run.step == stop_after
        drain(reopen(run.path).go(STEPS, Stop()))
    return run.path


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing stopped, with probes and a report."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_REPORT", "1")
        run = train_in(tmp_path_factory.mktemp("straight"))
        report_at_end(run)
    return run


def end_of(run: Path) -> dict[str, Any]:
    """Return all that the last checkpoint goes on from, tensors as bytes: weights, optimizers, random numbers."""
    state = leaves(load_checkpoint(checkpoints(run)[-1])["trainer"])
    assert {name.partition(".")[0] for name in state} >= {
        "generator",
        "critic",
        "ema",
        "generator_optimizer",
        "critic_optimizer",
    }
    return state


def probes(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((run / "probes").glob("*"))}


def test_probes_and_reports_change_nothing_in_a_training(
    straight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Monitor, "seen", lambda *_: None)
    unseen = train_in(tmp_path)

    assert [*probes(straight)] == ["neighbours.png", "step-000002.json", "step-000003.json", "walk.png"]
    assert (straight / "report.html").is_file()
    assert not (unseen / "probes").exists()
    assert not (unseen / "report.html").exists()
    assert end_of(straight) == end_of(unseen)
    assert figures(straight) == figures(unseen)
    assert [line["step"] for line in figures(straight) if "swd" in line] == [2, 3]


def test_a_run_stopped_after_an_evaluation_sees_the_same_as_one_that_was_not(
    straight: Path, tmp_path: Path
) -> None:
    stopped = train_in(tmp_path, stop_after=2)

    assert probes(stopped) == probes(straight)
    assert end_of(stopped) == end_of(straight)
    assert figures(stopped) == figures(straight)


def test_a_run_killed_after_an_evaluation_looks_again_and_sees_the_same(
    straight: Path, tmp_path: Path
) -> None:
    killed = tmp_path / "killed"
    shutil.copytree(straight, killed)
    for path in checkpoints(killed)[1:]:
        shutil.rmtree(path)  # as if it had been killed before these were written
    (killed / "probes" / "step-000002.json").write_text("{}")

    resumed = reopen(killed)
    assert resumed.step == 1
    drain(resumed.go(STEPS, Stop()))

    assert probes(killed) == probes(straight)
    assert figures(killed) == figures(straight)
    assert end_of(killed) == end_of(straight)
