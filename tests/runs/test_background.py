"""What a GPU's run writes on a thread: in order, the same bytes, and nothing of it lost without a word."""

from __future__ import annotations

import errno
import json
import os
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from safetensors.torch import save_file

from tests.support.run_folders import drain, figures
from zoo.errors import ResourceError
from zoo.runs import saving
from zoo.runs.checkpoints import checkpoint, clearing
from zoo.runs.checkpoints.checkpoint import load_checkpoint
from zoo.runs.checkpoints.names import checkpoint_path, checkpoints
from zoo.runs.new import new_run
from zoo.runs.options import TrainOptions
from zoo.runs.record import read_record
from zoo.system.background import Background
from zoo.system.signals import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import torch

    from zoo.runs.checkpoints.nesting import State
    from zoo.runs.run import Run

PATIENCE = 30
"""Seconds after which a thread that ought to go on is taken to hang."""


@pytest.fixture
def thread() -> Iterator[Background]:
    background = Background(threaded=True)
    yield background
    background.close()


def test_work_is_done_in_order_and_its_result_is_taken_on_the_callers_thread(thread: Background) -> None:
    done: list[tuple[str, int, bool]] = []
    here = threading.get_ident()

    def work(number: int) -> int:
        done.append(("work", number, threading.get_ident() == here))
        return number

    for number in range(3):
        thread.do(partial(work, number), lambda n: done.append(("then", n, threading.get_ident() == here)))
    thread.wait()

    assert [entry for entry in done if entry[0] == "work"] == [("work", n, False) for n in range(3)]
    assert [entry for entry in done if entry[0] == "then"] == [("then", n, True) for n in range(3)]


def test_one_may_wait_for_some_of_it_alone(thread: Background) -> None:
    go, done = threading.Event(), list[str]()
    thread.do(lambda: "first", done.append)
    thread.do(lambda: "held up" if go.wait(PATIENCE) else "never", done.append)
    thread.wait(until=lambda: "first" in done)
    assert done == ["first"]
    go.set()
    thread.wait()
    assert done == ["first", "held up"]


def test_without_a_thread_everything_is_done_at_once() -> None:
    done: list[int] = []
    Background(threaded=False).do(lambda: 7, done.append)

    assert done == [7]


def test_looking_does_not_wait(thread: Background) -> None:
    let_go, done = threading.Event(), list[bool]()
    thread.do(lambda: let_go.wait(PATIENCE), done.append)
    thread.poll()
    assert done == []
    let_go.set()
    thread.wait()

    assert done == [True]


def failing(let_go: threading.Event) -> None:
    """Fail once others have been given their work too."""
    assert let_go.wait(PATIENCE)
    raise ResourceError("the disk is full")


@pytest.mark.parametrize("ask", [Background.wait, Background.poll, lambda thread: thread.do(lambda: None)])
def test_what_work_raises_is_raised_once_to_whoever_asks_next(
    ask: Callable[[Background], None], thread: Background
) -> None:
    let_go, done, finished = threading.Event(), list[bool](), threading.Event()
    thread.do(partial(failing, let_go))
    thread.do(lambda: finished.wait(0), done.append)
    thread.do(finished.set)
    let_go.set()
    assert finished.wait(PATIENCE)
    with pytest.raises(ResourceError, match="the disk is full"):
        ask(thread)
    thread.wait()

    assert done == [False], "what came after it is done all the same"


def test_closing_waits_and_raises_nothing(thread: Background) -> None:
    let_go, done = threading.Event(), list[int]()
    thread.do(partial(failing, let_go))
    thread.do(lambda: 7, done.append)
    let_go.set()
    thread.close()

    assert done == [7]


def test_after_closing_it_begins_another_thread(thread: Background) -> None:
    done: list[int] = []
    thread.do(lambda: 1, done.append)
    thread.close()
    thread.do(lambda: 2, done.append)
    thread.wait()

    assert done == [1, 2]


def on_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "Background", lambda threaded: Background(threaded=not threaded))


def run_of(tiny: Path, path: Path) -> Run:
    return new_run(
        str(tiny),
        changes=["training.sample_every=2"],
        out=path,
        options=TrainOptions(device="cpu", precision="fp32"),
    )


def test_a_run_leaves_the_same_bytes_on_a_thread(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain(run_of(tiny, tmp_path / "at-once").go(4, Stop()))
    on_a_thread(monkeypatch)
    drain(run_of(tiny, tmp_path / "thread").go(4, Stop()))

    one, other = tmp_path / "at-once", tmp_path / "thread"
    assert figures(one) == figures(other)
    for name in ("samples/step-000002.png", "samples/step-000004.png"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert [path.name for path in checkpoints(one)] == [path.name for path in checkpoints(other)]
    for mine, its in zip(checkpoints(one), checkpoints(other), strict=True):
        assert (mine / "state.safetensors").read_bytes() == (its / "state.safetensors").read_bytes()
    assert read_record(one).best == read_record(other).best


def test_a_step_made_meanwhile_is_not_in_the_checkpoint(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain(run_of(tiny, tmp_path / "at-once").go(4, Stop()))
    on_a_thread(monkeypatch)
    let_go = threading.Event()
    save = checkpoint.save_checkpoint

    def slowly(run: Path, step: int, state: State) -> Path:
        if step == 2:
            assert let_go.wait(PATIENCE)
        return save(run, step, state)

    monkeypatch.setattr(checkpoint, "save_checkpoint", slowly)
    run = run_of(tiny, tmp_path / "thread")
    for progress in run.go(4, Stop()):
        if progress.step == 3:
            assert [path.name for path in checkpoints(run.path)] == ["step-00000000"]
            assert read_record(run.path).step == 0, "the record names what is there"
            let_go.set()

    for number in (2, 4):
        name = f"checkpoints/step-{number:08d}/state.safetensors"
        assert (run.path / name).read_bytes() == (tmp_path / "at-once" / name).read_bytes()


def test_the_record_never_names_a_best_checkpoint_that_is_not_there(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_thread(monkeypatch)
    prune = clearing.prune
    seen: list[tuple[int | None, bool]] = []

    def watched(path: Path, best: int | None) -> None:
        named = json.loads((path / "run.json").read_text())["best"]
        seen.append((best, named is None or checkpoint_path(path, named["step"]).is_dir()))
        prune(path, best)

    monkeypatch.setattr(clearing, "prune", watched)
    run = new_run(
        str(tiny), changes=["training.eval_every=1"], out=tmp_path / "run", options=TrainOptions(device="cpu")
    )
    drain(run.go(6, Stop()))

    assert all(there for _, there in seen)
    assert {best for best, _ in seen} > {None, 1}


def test_a_disk_that_fills_is_told_and_costs_no_earlier_checkpoint(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_thread(monkeypatch)
    run = run_of(tiny, tmp_path / "run")

    def full(tensors: dict[str, torch.Tensor], path: Path) -> None:
        if "00000004" in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save_file(tensors, path)

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(ResourceError, match="No space left"):
        drain(run.go(8, Stop()))

    assert read_record(run.path).state == "failed"
    assert [path.name for path in checkpoints(run.path)] == ["step-00000000", "step-00000002"]
    assert load_checkpoint(checkpoints(run.path)[-1])["trainer"]["step"] == 2


def test_whoever_stops_looking_is_told_of_a_save_that_failed(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_thread(monkeypatch)
    run = run_of(tiny, tmp_path / "run")
    save = checkpoint.save_checkpoint
    let_go = threading.Event()

    def fail(path: Path, step: int, state: State) -> Path:
        if step == 2:
            assert let_go.wait(PATIENCE)
            raise ResourceError("the disk is full")
        return save(path, step, state)

    monkeypatch.setattr(checkpoint, "save_checkpoint", fail)
    steps = run.go(8, Stop())
    for progress in steps:
        if progress.step == 2:
            break
    let_go.set()
    with pytest.raises(ResourceError, match="the disk is full"):
        steps.close()

    assert (run.outcome, read_record(run.path).state) == ("failed", "failed")
