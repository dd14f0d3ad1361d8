"""What `zoo generate` leaves on the disk: the same bytes for any batch, whole files or none, in flat memory."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from filelock import FileLock
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageSequence

from tests.support.handmade import LATENT_DIM, build
from zoo.errors import BusyError, InputError, UsageError
from zoo.generators.latents import tour
from zoo.generators.pictures import GAP, grid, grid_pixels
from zoo_export.cli.generate import generate
from zoo_export.cli.picture_files import LOCK, SCRATCH
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.support.cli_fixtures import Ran, Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

MODEL = "hand.onnx"
PROGRAM = "import sys; sys.argv[0] = 'zoo'; from zoo.cli.main import main; main()"
MANY = "100000000"


@pytest.fixture(autouse=True)
def _model() -> None:
    Path(MODEL).write_bytes(build().SerializeToString())


def make(*arguments: str) -> None:
    result = CliRunner().invoke(generate, [MODEL, *arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception


def pixels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def process(*arguments: str) -> subprocess.Popen[str]:
    """Start `zoo` in a process of its own."""
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def here() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.name != MODEL)


def test_the_bytes_are_the_same_for_every_batch() -> None:
    files = []
    for batch in ("1", "2", "7", "64", "1000"):
        make("-n", "130", "--seed", "5", "--batch", batch, "--out", f"{batch}.npy")
        files.append(Path(f"{batch}.npy").read_bytes())

    assert len(set(files)) == 1
    pictures = np.load("1.npy", mmap_mode="r")
    assert (pictures.dtype, pictures.shape) == (np.uint8, (130, 2, 3))
    assert np.array_equal(pictures, OnnxGenerator(MODEL).sample(130, seed=5))


def test_colour_is_written_last(tmp_path: Path) -> None:
    (tmp_path / "colour.onnx").write_bytes(build(channels=3).SerializeToString())
    generator = OnnxGenerator(tmp_path / "colour.onnx")
    CliRunner().invoke(generate, [str(tmp_path / "colour.onnx"), "-n", "3", "--out", "a.npy"])

    assert np.load("a.npy").shape == (3, 2, 3, 3)
    assert np.array_equal(np.load("a.npy"), generator.sample(3))


def test_a_walk_leads_from_one_picture_to_the_other() -> None:
    generator = OnnxGenerator(MODEL)
    make("--interpolate", "3:8", "--frames", "11", "--seed", "2", "--no-loop")
    make(
        "--interpolate",
        "3:8",
        "--frames",
        "11",
        "--seed",
        "2",
        "--batch",
        "4",
        "--out",
        "walk.npy",
        "--each",
        "each",
    )

    pictures = np.load("walk.npy")
    every = generator.sample(9, seed=2)
    assert len(pictures) == len(list(Path("each").iterdir())) == 11
    assert np.array_equal(pictures[[0, -1]], every[[3, 8]])
    assert np.array_equal(pictures, generator.interpolate(3, 8, 11, seed=2))
    with Image.open("walk.gif") as animation:
        assert animation.info["loop"] == 0
        frames = [np.asarray(frame.convert("L"))[::4, ::4] for frame in ImageSequence.Iterator(animation)]
    distinct = [picture for i, picture in enumerate(pictures) if i == 0 or (picture != pictures[i - 1]).any()]
    assert np.array_equal(frames, distinct), "a frame like the one before only prolongs it"


def test_a_walk_leads_past_every_picture_and_back() -> None:
    generator = OnnxGenerator(MODEL)
    first, second, third = generator.sample(9)[[3, 8, 5]]
    make("--interpolate", "3:8:5", "--frames", "7", "--out", "way.npy")
    make("--interpolate", "3:8:5", "--frames", "6", "--loop", "--out", "round.npy")
    make("--interpolate", "3:8:5:3", "--frames", "6", "--loop", "--out", "again.npy")
    make("--interpolate", "3:8", "--frames", "60", "--out", "walk.gif")

    assert np.array_equal(np.load("way.npy")[[0, 3, 6]], [first, second, third])
    assert np.array_equal(np.load("way.npy")[:4], generator.interpolate(3, 8, 4))
    assert np.array_equal(np.load("round.npy")[[0, 2, 4]], [first, second, third])
    assert np.array_equal(np.load("round.npy")[4:], generator.interpolate(5, 3, 3)[:2])
    assert Path("again.npy").read_bytes() == Path("round.npy").read_bytes()
    with Image.open("walk.gif") as animation:
        frames = [np.asarray(frame.convert("L"))[::4, ::4] for frame in ImageSequence.Iterator(animation)]
    assert (frames[0] != frames[-1]).any(), "it loops, and the first picture is not shown twice in a row"
    assert np.array_equal(
        np.load("round.npy"), np.concatenate(list(generator.walking((3, 8, 5), 6, loop=True)))
    )


def test_the_marks_of_a_way_are_its_stops_for_any_number_of_steps() -> None:
    stops = np.eye(4, dtype=np.float32)
    for steps, loop in itertools.product(range(4, 30), (False, True)):
        path = tour(stops, steps, loop=loop)
        found = [int(np.flatnonzero((path == stop).all(1))[0]) for stop in stops]
        assert path.shape == (steps, 4)
        assert found == sorted(found)
        assert (found[0], loop or found[-1] == steps - 1) == (0, True)
        lengths = np.diff([*found, steps] if loop else found)
        assert max(lengths) - min(lengths) <= 1
    for wrong in (3, 0):
        with pytest.raises(InputError, match="Give at least 4"):
            tour(stops, wrong)


def test_pictures_are_enlarged_on_request() -> None:
    (picture,) = OnnxGenerator(MODEL).sample(1)
    large = picture.repeat(8, axis=0).repeat(8, axis=1)
    make("-n", "1", "--scale", "8", "--out", "one.png", "--each", "each")
    make("-n", "4", "--scale", "3", "--out", "grid.png")
    make("--interpolate", "0:1", "--frames", "3", "--scale", "5", "--out", "walk.gif")

    names = ("one.png", "each/000000.png", "grid.png", "walk.gif")
    one, each, sheet, walk = (pixels_of(Path(name)) for name in names)
    assert np.array_equal(one, large)
    assert np.array_equal(each, large)
    assert sheet.shape == (3 * (2 * (2 + GAP) + GAP), 3 * (2 * (3 + GAP) + GAP))
    assert walk.shape == (10, 15)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 16, 17, 63])
def test_the_size_of_a_grid_is_known_before_it_is_made(count: int) -> None:
    width, height = grid(np.zeros((count, 7, 5), np.uint8), scale=3).size

    assert grid_pixels(count, 7, 5, 3) == width * height


def test_what_nobody_asked_to_replace_stays(zoo: Zoo) -> None:
    mine = b"somebody's own"
    Path("grid.png").write_bytes(mine)
    first, second = zoo("generate", MODEL, "-n", "2"), zoo("generate", MODEL, "-n", "2")
    walks = [zoo("generate", MODEL, "--interpolate", "0:1", "--frames", "2") for _ in range(2)]
    named = zoo("generate", MODEL, "-n", "2", "--out", "grid.png", "--each", "each")
    again = zoo("generate", MODEL, "-n", "2", "--out", "new.png", "--each", "each")

    assert (first.out, second.out) == ("grid-2.png\n", "grid-3.png\n")
    assert [walk.out for walk in walks] == ["walk.gif\n", "walk-2.gif\n"]
    assert all("replaced" not in ran.err for ran in (first, second, *walks))
    assert named.err.splitlines()[-1] == "grid.png: what was there is replaced"
    assert Path("grid.png").read_bytes() == Path("grid-2.png").read_bytes() != mine
    assert again.err.splitlines()[-1] == "each: what was there is replaced"


def test_truncation_reaches_the_latents() -> None:
    make("-n", "5", "--truncation", "0.1", "--out", "a.npy")

    assert np.array_equal(np.load("a.npy"), OnnxGenerator(MODEL).sample(5, truncation=0.1))
    assert np.load("a.npy").std() < OnnxGenerator(MODEL).sample(5).std() / 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--frames", "3"], UsageError, "--frames: there is no way to go. Add --interpolate A:B, or give -n"),
        (
            ["--interpolate", "0:1", "-n", "3"], UsageError,
            "-n: --interpolate makes as many pictures as --frames says. Leave -n out",
        ),
        (
            ["--loop"], UsageError,
            "--loop: there is no way that could lead back. Add --interpolate A:B, or leave it out",
        ),
        (
            ["--scale", "2", "--out", "a.npy"], UsageError,
            "--scale: a .npy holds the pictures as they are made. Leave it out, or write a .png",
        ),
        (
            ["--interpolate", "3:3"], InputError,
            "--interpolate 3:3: from picture 3 to itself nothing changes. Name another picture",
        ),
        (
            ["--interpolate", "1:2:2:1"], InputError,
            "--interpolate 1:2:2:1: from picture 2 to itself nothing changes. Name another picture",
        ),
        (
            ["--interpolate", "1:2:3:4", "--frames", "3"], InputError,
            "--interpolate: 3 frames do not lead past 4 pictures. Give --frames 4 or more, at most 10000",
        ),
        (
            ["-n", "100000", "--scale", "64"], InputError,
            "--scale 64: grid.png would have 8,229,445,632 pixels, and at most 33,554,432 are written. "
            "Choose a smaller --scale, or fewer pictures",
        ),
        (
            ["--interpolate", "0:1", "--frames", "10000", "--scale", "64"], InputError,
            "--scale 64: walk.gif would have 245,760,000 pixels, and at most 33,554,432 are written. "
            "Choose a smaller --scale, or fewer pictures",
        ),
        (
            ["--out", "no/such/a.png"], InputError,
            "--out no/such/a.png: there is no folder 'no' in {}. Mend the path, or run mkdir -p no/such first",
        ),
        (
            ["--each", "no/such"], InputError,
            "--each no/such: there is no folder 'no' in {}. Mend the path, or run mkdir -p no first",
        ),
        (
            ["--out", f"{MODEL}/a.png"], InputError,
            f"--out {MODEL}/a.png: {{}}/{MODEL} is a file, and nothing can lie in it. Give another path",
        ),
        (
            ["--out", "a.jpg"], InputError,
            "--out a.jpg: it ends in '.jpg', which is none of .png, .gif, .npy. Choose one of these",
        ),
        (["--out", "."], InputError, "--out .: it is a folder. Give a file, or --each for a folder of pictures"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(arguments: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        make(*arguments)
    assert str(caught.value) == message.format(Path.cwd())
    assert here() == []


def test_a_way_that_is_none_is_refused(zoo: Zoo) -> None:
    ran: Ran = zoo("generate", MODEL, "--interpolate", "0-1")

    assert (ran.code, ran.error) == (
        3,
        "Invalid value for '--interpolate': '0-1' is not two or more numbers of pictures like 0:1 or 3:8:5. "
        "See `zoo generate --help`",
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_leaves_nothing_behind(number: signal.Signals, code: int) -> None:
    running = process("generate", MODEL, "-n", MANY, "--out", "all.npy", "--each", "each")
    while not list(Path("each").glob(f"{SCRATCH}.tmp-*/000100.png")):
        assert running.poll() is None
        time.sleep(0.01)

    running.send_signal(number)
    _, said = running.communicate(timeout=30)

    assert running.returncode == code
    assert here() == []
    if number == signal.SIGINT:
        assert said.splitlines()[-1] == (
            "zoo: error: interrupted: nothing is left half-written. Run it again when you like"
        )


def test_what_a_killed_process_left_is_cleared_by_the_next() -> None:
    running = process("generate", MODEL, "-n", MANY, "--each", "each")
    while not list(Path("each").glob(f"{SCRATCH}.tmp-*/000100.png")):
        assert running.poll() is None
        time.sleep(0.01)
    running.kill()
    running.communicate(timeout=30)
    left = sorted(path.name for path in Path("each").iterdir())
    assert (left[0][: len(SCRATCH)], left[1:]) == (SCRATCH, [LOCK])

    make("-n", "2", "--each", "each")

    assert sorted(path.name for path in Path("each").iterdir()) == ["000000.png", "000001.png"]


def test_two_processes_do_not_share_a_folder() -> None:
    Path("each").mkdir()
    with FileLock(Path("each") / LOCK), pytest.raises(BusyError) as caught:
        make("-n", "2", "--each", "each")

    assert str(caught.value) == "each: another process writes pictures to it. Wait for it, or stop it"


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files is limited on POSIX only")
def test_a_full_disk_is_one_line_and_leaves_nothing() -> None:
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999)); {PROGRAM}"
    path = os.pathsep.join(filter(None, sys.path))

    done = subprocess.run(
        [sys.executable, "-c", limited, "generate", MODEL, "-n", "9999", "--out", "all.npy"],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip

    assert done.returncode == 5
    message = re.sub(r"[\d,]+ bytes are free", "N bytes are free", done.stderr.splitlines()[-1])
    assert message == (
        "zoo: error: all.npy: it cannot be written: File too large; N bytes are free. "
        "Raise the limit on the size of files (ulimit -f)"
    )
    assert here() == []


def layers(widths: list[int], side: int) -> bytes:
    """Return a generator of square pictures that multiplies matrices of these widths."""
    rng = np.random.default_rng(0)
    pairs = list(itertools.pairwise([LATENT_DIM, *widths, side * side]))
    nodes = [
        helper.make_node("MatMul", [f"m{i}" if i else "z", f"w{i}"], [f"m{i + 1}"]) for i in range(len(pairs))
    ]
    nodes += [
        helper.make_node("Tanh", [f"m{len(pairs)}"], ["t"]),
        helper.make_node("Reshape", ["t", "s"], ["images"]),
    ]
    weights = [
        numpy_helper.from_array((rng.standard_normal(pair) / pair[0] ** 0.5).astype(np.float32), f"w{i}")
        for i, pair in enumerate(pairs)
    ]
    graph = helper.make_graph(
        nodes, "layers",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", LATENT_DIM])],
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, side, side])],
        [*weights, numpy_helper.from_array(np.array([-1, 1, side, side]), "s")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    data: bytes = model.SerializeToString()
    return data


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak where Linux tells it")
def test_memory_does_not_grow_with_the_number() -> None:
    Path(MODEL).write_bytes(layers([], 64))
    # ru_maxrss would not do: a process takes over the peak of the one that started it.
    status = "open('/proc/self/status').read()"
    peak = f"import atexit; atexit.register(lambda: print({status}.split('VmHWM:')[1].split()[0]))"
    path = os.pathsep.join(filter(None, sys.path))
    peaks = []
    for count in ("1000", "20000"):
        done = subprocess.run(
            [sys.executable, "-c", f"{peak}; {PROGRAM}", "generate", MODEL, "-n", count, "--out", "all.npy"],
            capture_output=True, text=True, check=True, timeout=120, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        peaks.append(int(done.stdout.split()[-1]) / 1e3)

    assert Path("all.npy").stat().st_size == 128 + 20000 * 64 * 64
    assert peaks[1] - peaks[0] < 20, "megabytes, of 78 more that were written"


def test_ctrl_c_is_heard_while_onnxruntime_works() -> None:
    generator = OnnxGenerator.from_bytes(layers([600] * 60, 4), "slow", threads=1)
    z = np.ones((700, LATENT_DIM), np.float32)
    began = time.monotonic()
    generator.generate(z)
    whole = time.monotonic() - began

    threading.Timer(whole / 10, signal.raise_signal, [signal.SIGINT]).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        generator.generate(z)

    assert time.monotonic() - began < whole / 2
    assert np.isfinite(generator.generate(z[:2])).all(), "it can be used again"
