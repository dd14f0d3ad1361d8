"""A training does the same whatever its process has set, and leaves all of that as it was."""

from __future__ import annotations

import logging
import os
import random
import signal
import sys
import threading
import warnings
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import zoo
from zoo.errors import BusyError, ZooError
from zoo.training.process_state import FLAGS, _flag, isolated
from zoo.training.random_state import same_state
from zoo.training.threads import default_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def state() -> dict[str, Any]:
    """Return all that a call might leave otherwise than it found it."""
    legacy: Any = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": [legacy[0], torch.from_numpy(legacy[1].astype(np.int64)), *legacy[2:]],
        "torch": torch.get_rng_state(),
        "seed": torch.initial_seed(),
        "numpy's errors": np.geterr(),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": [
            (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))
            for device in ("cpu", "cuda")
        ],
        "autocast's cache": torch.is_autocast_cache_enabled(),
        "autocast's depth": (torch.autocast_increment_nesting(), torch.autocast_decrement_nesting()),
        "dtype": torch.get_default_dtype(),
        "device": (torch.get_default_device(), torch.zeros(1).device),
        "deterministic": torch.get_deterministic_debug_mode(),
        "precision": torch.get_float32_matmul_precision(),
        "flags": [_flag(where, name) for where, name, _ in FLAGS],
        "threads": torch.get_num_threads(),
        "denormals": (torch.tensor([5e-324], dtype=torch.float64, device="cpu") * 1).item(),
        "anomaly": torch.is_anomaly_enabled(),
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "warnings": [*map(str, warnings.filters)],
        "log": (logging.root.level, [*map(str, logging.root.handlers)]),
        "streams": (sys.stdout, sys.stderr),
        # tqdm's own, which torch's exporter starts, is nobody's to stop.
        "Python threads": [thread for thread in threading.enumerate() if "tqdm" not in thread.name],
    }


def test_one_state_differs_from_another() -> None:
    before = state()
    random.random()
    assert [name for name, value in state().items() if not same_state(value, before[name])] == ["python"]


@contextmanager
def everything() -> Iterator[None]:
    """Set all that can be set, within one block, to what it is not."""
    with ExitStack() as stack:
        stack.callback(torch.set_num_threads, torch.get_num_threads())
        torch.set_num_threads(3)
        for back, there in (
            (lambda: torch.set_default_dtype(torch.float32), lambda: torch.set_default_dtype(torch.float64)),
            (
                lambda: torch.use_deterministic_algorithms(False),
                lambda: torch.use_deterministic_algorithms(True, warn_only=True),
            ),
            (
                lambda: torch.set_float32_matmul_precision("highest"),
                lambda: torch.set_float32_matmul_precision("medium"),
            ),
            (lambda: torch.set_flush_denormal(False), lambda: torch.set_flush_denormal(True)),
            (lambda: torch.set_default_device(None), lambda: torch.set_default_device("meta")),
        ):
            stack.callback(back)
            there()
        stack.enter_context(torch.backends.cudnn.flags(enabled=False, benchmark=True, allow_tf32=False))
        stack.callback(torch._C._set_mkldnn_enabled, True)
        torch._C._set_mkldnn_enabled(False)
        stack.enter_context(torch.autocast("cpu", torch.bfloat16, cache_enabled=False))
        stack.enter_context(torch.autograd.set_detect_anomaly(True))
        stack.enter_context(torch.inference_mode())
        stack.enter_context(np.errstate(all="raise"))
        stack.enter_context(torch.device("meta"))
        random.seed(5)
        np.random.seed(6)
        torch.manual_seed(7)
        yield


def weights(run: Path) -> bytes:
    return (run / "generator" / "model.safetensors").read_bytes()


def test_a_training_and_its_resuming_are_the_same_whatever_was_set_and_leave_it_so(
    tiny: Path, tmp_path: Path
) -> None:
    def work(name: str) -> Path:
        before = state()
        run = zoo.train(str(tiny), steps=2, out=tmp_path / name, precision="fp32")
        zoo.resume(run, steps=3)
        changed = [key for key, value in state().items() if not same_state(value, before[key])]
        assert changed == []
        return run

    alone = work("alone")
    with everything():
        other = work("other")

        before = state()
        zoo.load(other)
        assert [name for name, value in state().items() if not same_state(value, before[name])] == []

    assert weights(alone) == weights(other)


OUTER: dict[str, Callable[[], Any]] = {
    "autocast": lambda: torch.autocast("cpu"),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "device": lambda: torch.device("meta"),
    "everything": everything,
}


@pytest.mark.parametrize("how", OUTER)
def test_inside_all_is_as_in_a_fresh_process(how: str) -> None:
    with isolated():
        fresh = state()
    assert fresh["threads"] == default_threads()
    with OUTER[how]():
        before = state()
        with isolated():
            inside = state()
            layer = torch.nn.Linear(2, 2)
            layer(torch.ones(1, 2)).sum().backward()
            assert layer.weight.grad is not None
            torch.zeros(1).add_(1)
            random.random()
            np.random.rand()
            torch.rand(1)
        after = state()
    assert [name for name in fresh if not same_state(fresh[name], inside[name])] in ([], ["device"])
    assert inside["device"][1] == torch.device("cpu")
    assert [name for name in before if not same_state(before[name], after[name])] == []


@isolated(training=True)
def fail(error: BaseException) -> None:
    torch.manual_seed(1)
    raise error


@pytest.mark.parametrize("error", [ZooError("no"), KeyboardInterrupt()])
def test_it_is_put_back_where_the_block_fails(error: BaseException) -> None:
    with everything():
        before = state()
        with pytest.raises(type(error)):
            fail(error)
        assert [name for name, value in state().items() if not same_state(value, before[name])] == []
    with isolated(training=True):
        pass


def test_a_refused_training_leaves_the_process_too(tiny: Path, tmp_path: Path) -> None:
    with everything():
        before = state()
        with pytest.raises(ZooError):
            zoo.train(str(tiny), changes=["losses.1.name=nonsense"], out=tmp_path / "run")
        assert [name for name, value in state().items() if not same_state(value, before[name])] == []


def test_a_second_training_in_another_thread_is_refused(tiny: Path, tmp_path: Path) -> None:
    said: list[BaseException] = []

    def second() -> None:
        try:
            zoo.train(str(tiny), steps=1, out=tmp_path / "second")
        except BusyError as error:
            said.append(error)

    with isolated(training=True):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(60)
    assert [str(error) for error in said] == [
        "this process: another thread of it is training. Wait for it, or train in a process of its own"
    ]
    assert not (tmp_path / "second").exists()


def test_a_training_in_another_thread_equals_one_in_the_first(tiny: Path, tmp_path: Path) -> None:
    with ExitStack() as stack:
        stack.enter_context(torch.autocast("cpu"))  # of this thread alone
        first = zoo.train(str(tiny), steps=1, out=tmp_path / "first", precision="fp32")
        thread = threading.Thread(
            target=zoo.train,
            args=(str(tiny),),
            kwargs={"steps": 1, "out": tmp_path / "other", "precision": "fp32"},
        )
        thread.start()
        thread.join(120)

    assert weights(first) == weights(tmp_path / "other")


def test_who_exports_waits_for_who_exports() -> None:
    order: list[str] = []
    inside = threading.Event()

    def first() -> None:
        with isolated():
            inside.set()
            threading.Event().wait(0.3)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    with isolated():
        order.append("second")
    thread.join(10)

    assert order == ["first", "second"]


@pytest.mark.parametrize(("said", "threads"), [("3", 3), ("2,1", 2), ("0", None), ("many", None), ("", None)])
def test_the_environment_says_how_many_threads(
    said: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    alone = default_threads()
    if threads is None:
        assert 1 <= alone <= (os.cpu_count() or 1)
    else:
        assert alone == threads
