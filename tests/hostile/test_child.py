"""A stranger's model runs in a process that can be ended: by a signal, at a deadline, for memory, with its parent."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.handmade import LATENT_DIM, build, pictures_of
from tests.support.hostile.slow import folding, pooling
from zoo.errors import InputError, ResourceError
from zoo_export.inspection.limits import Cost
from zoo_export.runtime import session as sessions
from zoo_export.runtime.child import Bounds, ChildSession
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

Z = np.ones((2, LATENT_DIM), np.float32)
HERE = {**os.environ, "PYTHONPATH": os.pathsep.join(os.path.abspath(path) for path in sys.path)}  # noqa: PTH100
linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes where Linux lists them")


@pytest.fixture
def hand() -> OnnxGenerator:
    return OnnxGenerator.from_bytes(build().SerializeToString(), "hand")


def worker_of(generator: OnnxGenerator) -> int:
    session = generator._session
    assert isinstance(session, ChildSession)
    assert session._process is not None
    return session._process.popen.pid


def alive(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def workers_of(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in children.read_text().split()] if children.exists() else []


def gone(process: int, seconds: float = 2) -> bool:
    deadline = time.monotonic() + seconds
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(process)


@linux
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("model", [pooling(), folding(9)], ids=["picture", "loading"])
def test_signals_are_heard_within_two_seconds(
    tmp_path: Path, number: signal.Signals, model: ModelProto
) -> None:
    (tmp_path / "slow.onnx").write_bytes(model.SerializeToString())
    command = [sys.executable, "-m", "zoo", "generate", "slow.onnx", "-n", "64", "--threads", "1"]
    with subprocess.Popen(command, cwd=tmp_path, env=HERE, stderr=subprocess.PIPE, text=True) as zoo:
        while not (workers := workers_of(zoo.pid)):
            assert zoo.poll() is None
            time.sleep(0.02)
        time.sleep(0.25)
        assert zoo.poll() is None, "it is no slow file"
        began = time.monotonic()
        zoo.send_signal(number)
        _, said = zoo.communicate(timeout=30)
        took = time.monotonic() - began

    assert zoo.returncode == 128 + number
    assert said.splitlines()[-1].startswith("zoo: error: interrupted: ")
    assert took < 4, "2 s on a machine that nobody else uses"
    assert all(map(gone, workers))
    assert [path.name for path in tmp_path.iterdir()] == ["slow.onnx"]


@linux
def test_the_process_ends_with_its_parent_whatever_it_is_doing(tmp_path: Path) -> None:
    path = tmp_path / "slow.onnx"
    path.write_bytes(pooling().SerializeToString())
    program = "import sys, zoo; generator = zoo.load(sys.argv[1]); print('opened', flush=True); generator.sample(64)"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], cwd=tmp_path, env=HERE, stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == "opened\n"
        (worker,) = workers_of(user.pid)
        time.sleep(0.3)
        user.kill()
    assert gone(worker)


def test_a_deadline_ends_it_and_the_next_call_starts_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = OnnxGenerator.from_bytes(pooling().SerializeToString(), "slow", threads=1)
    monkeypatch.setattr(sessions, "MOST_SECONDS", 0.3)
    began = time.monotonic()
    with pytest.raises(ResourceError, match=r"^slow: it takes longer than 0 s, and was ended\. Give another"):
        slow.sample(64)
    assert time.monotonic() - began < 4
    monkeypatch.setattr(sessions, "MOST_SECONDS", 70)
    assert slow.sample(1).shape == (1, 2, 3)


def test_how_long_and_how_much_a_batch_may_take(hand: OnnxGenerator) -> None:
    output = hand._checked.cost(1).output
    for estimate, seconds in ((0.0, 20), (1.0, 30), (4.999, 69.99), (5.0, 70), (5.001, 70)):
        hand._checked._costs[1] = Cost(300 << 20, 0, estimate, output)
        assert hand._seconds(1) == pytest.approx(seconds)
        assert hand._bounds("cpu") == Bounds(hand._seconds(1), (600 << 20) + (512 << 20), 300 << 20)
    hand._checked._costs[1] = Cost(1, 0, 0.0, output)
    assert hand._bounds("cpu").memory == 2 * (160 << 20) + (512 << 20)


def test_a_deadline_ends_the_loading_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_SECONDS", 0.2)
    with pytest.raises(ResourceError, match=r"^slow: it takes longer than 0 s"):
        OnnxGenerator.from_bytes(folding().SerializeToString(), "slow")


@pytest.mark.skipif(sys.platform != "linux", reason="has no other bound on memory")
def test_memory_is_bounded_whatever_was_estimated() -> None:
    sizes = Bounds(60, 40 << 20)
    with pytest.raises(ResourceError, match=r"^greedy: "):
        ChildSession(folding(1, 2500).SerializeToString(), "greedy", "cpu", 1, sizes)


def test_one_that_is_killed_is_one_line_and_then_starts_again(hand: OnnxGenerator) -> None:
    expected = hand.generate(Z)
    worker = worker_of(hand)
    os.kill(worker, signal.SIGKILL)
    assert gone(worker)
    time.sleep(0.3)  # until its last thread has ended, too, its parent is not told
    np.testing.assert_array_equal(hand.generate(Z), expected)  # it was idle: nobody lost anything

    slow = OnnxGenerator.from_bytes(pooling().SerializeToString(), "slow")
    threading.Timer(0.3, os.kill, [worker_of(slow), signal.SIGKILL]).start()
    with pytest.raises(ResourceError) as caught:
        slow.sample(64)
    assert str(caught.value).startswith("slow: its process was ended by signal 9 (out of memory?). ")
    assert slow.sample(1).shape == (1, 2, 3)


@linux
def test_it_ends_when_it_is_closed_and_when_nobody_holds_it(hand: OnnxGenerator) -> None:
    worker = worker_of(hand)
    hand.close()
    assert not alive(worker)
    np.testing.assert_allclose(hand.generate(Z), pictures_of(Z), atol=1e-6)
    hand.close()
    hand.close()

    other = OnnxGenerator.from_bytes(build().SerializeToString(), "hand")
    worker = worker_of(other)
    del other
    gc.collect()
    assert not alive(worker)


def test_threads_take_turns(hand: OnnxGenerator) -> None:
    batches = [np.full((n, LATENT_DIM), n / 10, np.float32) for n in range(1, 9)]
    found: dict[int, NDArray[np.float32]] = {}

    def work(index: int) -> None:
        for _ in range(20):
            found[index] = hand.generate(batches[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, z in enumerate(batches):
        np.testing.assert_allclose(found[index], pictures_of(z), atol=1e-6)


@linux
def test_a_forked_process_starts_its_own_and_leaves_the_first_alone(tmp_path: Path) -> None:
    program = """
import os, sys
import numpy as np
from zoo_export.runtime.session import OnnxGenerator
generator = OnnxGenerator(sys.argv[1])
z = np.ones((2, 4), np.float32)
expected = generator.generate(z)
process = os.fork()
assert (generator.generate(z) == expected).all()
if not process:
    generator.close()
    sys.exit()
assert os.waitpid(process, 0)[1] == 0
assert (generator.generate(z) == expected).all()
"""
    path = tmp_path / "hand.onnx"
    path.write_bytes(build().SerializeToString())
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(path)],
        env=HERE, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_it_never_runs_the_users_program_again(tmp_path: Path) -> None:
    (tmp_path / "hand.onnx").write_bytes(build().SerializeToString())
    # Files beside the user's that would be imported in place of others, were this folder on the path.
    for name in ("numpy", "onnxruntime", "zoo_export"):
        (tmp_path / "elsewhere" / name).mkdir(parents=True)
    program = tmp_path / "program.py"
    program.write_text("import zoo\nprint('once')\nprint(zoo.load('../hand.onnx').sample(1).shape)\n")
    done = subprocess.run(
        [sys.executable, "-P", str(program)],
        cwd=tmp_path / "elsewhere", env=HERE, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("once\n(1, 2, 3)\n", "")


def test_what_onnxruntime_refuses_is_said() -> None:
    with pytest.raises(InputError, match=r"^odd: onnxruntime cannot load it: "):
        ChildSession(b"\x08\x0a", "odd", "cpu", None, Bounds(60, 0))
