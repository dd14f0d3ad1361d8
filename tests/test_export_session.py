"""Opening ONNX files and generator folders, whatever they really are, and making pictures without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from zoo.errors import InputError, IntegrityError, ZooError
from zoo.generator_folder import (
    ONNX,
    WEIGHTS,
    ComponentRecord,
    DataRecord,
    GeneratorConfig,
    Provider,
    TrainingRecord,
    add_files,
)
from zoo.pictures import grid
from zoo_export.commands import generate, zoo_open_generator, zoo_register_commands
from zoo_export.session import OnnxGenerator

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATENT_DIM = 4
SHAPE = (1, 2, 3)


def build(
    *,
    gain: float = 0.5,
    channels: int = 1,
    batch: str | int = "batch",
    output: int = TensorProto.FLOAT,
    rank: int = 4,
) -> onnx.ModelProto:
    """Return a generator made by hand: tanh of a matrix product, reshaped to (batch, channels, 2, 3)."""
    size = channels * 6
    weights = np.linspace(-gain, gain, LATENT_DIM * size, dtype=np.float32).reshape(LATENT_DIM, size)
    shape = [-1, channels, 2, 3][:rank] if rank == 4 else [-1, size]
    nodes = [
        helper.make_node("MatMul", ["z", "w"], ["x"]),
        helper.make_node("Tanh" if gain < 10 else "Identity", ["x"], ["t"]),
        helper.make_node("Reshape", ["t", "s"], ["r"]),
        helper.make_node("Cast", ["r"], ["images"], to=output),
    ]
    sizes = [batch, *shape[1:]]
    graph = helper.make_graph(
        nodes,
        "hand",
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [batch, LATENT_DIM])],
        [helper.make_tensor_value_info("images", output, sizes)],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.array(shape), "s")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def pictures_of(z: NDArray[np.float32]) -> NDArray[np.float32]:
    weights = np.linspace(-0.5, 0.5, LATENT_DIM * 6, dtype=np.float32).reshape(LATENT_DIM, 6)
    pictures: NDArray[np.float32] = np.tanh(z @ weights).reshape(-1, *SHAPE)
    return pictures


def config(latent_dim: int = LATENT_DIM) -> GeneratorConfig:
    provider = Provider(distribution="gan-model-zoo", version="0.1.0")
    return GeneratorConfig(
        library="gan-model-zoo 0.1.0",
        recipe="hand",
        architecture=ComponentRecord(name="by-hand", provider=provider),
        latent_dim=latent_dim,
        image_shape=SHAPE,
        training=TrainingRecord(
            step=1,
            steps=1,
            batch_size=1,
            critic_steps=1,
            seed=0,
            seconds=0.0,
            hardware="cpu",
            precision="fp32",
        ),
        data=DataRecord(name="d", source="s", licence="cc-by-4.0", images=1, fingerprint="f"),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "generator"
    add_files(path, {WEIGHTS: b"weights", ONNX: build().SerializeToString()}, config())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ZooError) as caught:
        OnnxGenerator(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_and_a_file_make_the_same_pictures(folder: Path) -> None:
    z = np.random.default_rng(0).standard_normal((5, LATENT_DIM)).astype(np.float32)
    for path in (folder, folder / ONNX):
        generator = OnnxGenerator(path)
        assert (generator.latent_dim, generator.image_shape) == (LATENT_DIM, SHAPE)
        assert generator.provider == "CPUExecutionProvider"
        np.testing.assert_allclose(generator.generate(z), pictures_of(z), rtol=0, atol=1e-6)
        np.testing.assert_array_equal(generator.using(threads=1).generate(z), generator.generate(z))


def test_a_changed_file_is_refused(folder: Path) -> None:
    data = bytearray((folder / ONNX).read_bytes())
    data[-20] ^= 1
    (folder / ONNX).write_bytes(data)
    with pytest.raises(
        IntegrityError, match=r"its sha256 is [0-9a-f]{12}\.\.\., config.json says [0-9a-f]{12}"
    ):
        OnnxGenerator(folder)
    (folder / ONNX).unlink()
    with pytest.raises(IntegrityError) as caught:
        OnnxGenerator(folder)
    assert (
        str(caught.value)
        == f"{folder / ONNX}: config.json lists it, but it is missing. Get the generator again"
    )


def test_a_file_of_other_weights_or_sizes_is_refused(folder: Path) -> None:
    model = build()
    model.metadata_props.add(key="zoo.weights_sha256", value="0" * 64)
    add_files(folder, {ONNX: model.SerializeToString()})
    advice = f"Make it anew with `zoo export {folder} --onnx`"
    assert refusal(folder) == f"{folder}: {ONNX} was made from other weights than {WEIGHTS}. {advice}"
    add_files(folder, {ONNX: build().SerializeToString()}, config(latent_dim=5))
    assert refusal(folder) == (
        f"{folder}: {ONNX} makes {SHAPE} from 4 latents, config.json says {SHAPE} from 5. Export it again"
    )


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><html>Not found</html>", "an HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a Git LFS pointer"),
        (b'{"error": "not found"}', "JSON text"),
        (b"Invalid username or password.", "text"),
        (b"PK\x03\x04rest", "a zip archive"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}", "a safetensors file"),
    ],
)
def test_other_files_are_called_what_they_are(tmp_path: Path, data: bytes, found: str) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    assert refusal(path) == f"{path}: it is no ONNX file but {found}. Get the generator again"


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    whole, path = build().SerializeToString(), tmp_path / "model.onnx"
    for length in range(1, len(whole), 7):
        path.write_bytes(whole[:length])
        assert refusal(path).startswith(f"{path}: ")
    path.write_bytes(whole[:-100])
    assert refusal(path).startswith(f"{path}: it is no whole ONNX file: it ends ")


def test_weights_in_another_file_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    weights = model.graph.initializer[0]
    (tmp_path / "weights.bin").write_bytes(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="weights.bin")
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    monkeypatch.chdir(tmp_path)
    reason = "it keeps weights in other files, which are never read. Export it as one file"
    assert refusal(path) == f"{path}: {reason}"


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    fifo, folder = tmp_path / "fifo.onnx", tmp_path / "folder.onnx"
    os.mkfifo(fifo)
    folder.mkdir()
    assert refusal(fifo) == f"{fifo}: it is no regular file. Give an .onnx file"
    assert "it holds no config.json" in refusal(folder)
    sparse = tmp_path / "huge.onnx"
    with sparse.open("wb") as file:
        file.truncate(1 << 31)
    assert refusal(sparse) == (
        f"{sparse}: it has {1 << 31} bytes; an ONNX file has less than 2 GiB. Give another"
    )


@pytest.mark.parametrize(
    ("model", "gives"),
    [
        (build(batch=1), "takes z float (1, 4) and gives images float (1, 1, 2, 3)"),
        (build(channels=2), "takes z float (batch, 4) and gives images float (batch, 2, 2, 3)"),
        (
            build(output=TensorProto.DOUBLE),
            "takes z float (batch, 4) and gives images double (batch, 1, 2, 3)",
        ),
        (build(rank=2), "takes z float (batch, 4) and gives images float (batch, 6)"),
    ],
)
def test_models_that_are_no_generators_are_refused(
    tmp_path: Path, model: onnx.ModelProto, gives: str
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    wanted = "a generator takes one float (batch, latent_dim) and gives one float (batch, 1 or 3, H, W)"
    assert refusal(path) == f"{path}: {wanted}; this {gives}. Give another file"


def test_pictures_out_of_range_or_not_finite_are_refused() -> None:
    generator = OnnxGenerator.from_bytes(build(gain=100).SerializeToString(), "wild")
    with pytest.raises(InputError, match=r"^wild: its pictures reach [0-9.]+, outside \[-1, 1\]\. It is no"):
        generator.generate(np.eye(2, LATENT_DIM, dtype=np.float32))
    with pytest.raises(InputError) as caught:
        generator.generate(np.full((1, LATENT_DIM), np.nan, np.float32))
    assert (
        str(caught.value) == "wild: its pictures hold pixels that are not finite. Export another checkpoint"
    )


def test_latents_of_another_shape_are_refused() -> None:
    generator = OnnxGenerator.from_bytes(build().SerializeToString(), "hand")
    with pytest.raises(InputError) as caught:
        generator.generate(np.zeros((2, 5), np.float32))
    assert str(caught.value) == "hand: z must be (N, 4) with N >= 1, found (2, 5). Reshape it"


def test_only_paths_that_exist_are_opened(folder: Path, tmp_path: Path) -> None:
    assert zoo_open_generator("me/camel-wgangp") is None
    assert zoo_open_generator(str(tmp_path / "missing.onnx")) is None
    opened = zoo_open_generator(str(folder))
    assert opened is not None
    assert opened.name == str(folder)
    wanted = "Give a run folder, a generator folder or an .onnx file"
    other = folder / WEIGHTS
    for path, what in (
        (other, "a file, but no .onnx file"),
        (tmp_path, "a folder, but neither a run nor a generator"),
    ):
        with pytest.raises(InputError) as caught:
            zoo_open_generator(str(path))
        assert str(caught.value) == f"{path}: it is {what}. {wanted}"


def test_generating_imports_no_torch_and_no_onnx_and_is_quiet(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from zoo_export.commands import generate\n"
        f"arguments = [{str(folder)!r}, '-n', '5', '--each', 'each', '--out', 'new/sheet.png']\n"
        "generate(arguments, standalone_mode=False)\n"
        "assert not {'torch', 'onnx', 'onnxscript', 'huggingface_hub'} & set(sys.modules), 'heavy import'\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"each\n{Path('new/sheet.png')}\n"), done.stderr
    assert done.stderr == f"{folder}: 5 pictures of 3 x 2, seed 0, on CPUExecutionProvider\n"
    expected = OnnxGenerator(folder).sample(5)
    for index, picture in enumerate(expected):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"each/{index:06d}.png")), picture)
    assert len(list((tmp_path / "each").iterdir())) == 5
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "new/sheet.png")), np.asarray(grid(expected))
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-n", "0"], "Invalid value for '-n': 0 is not in the range x>=1."),
        (["--batch", "0"], "Invalid value for '--batch': 0 is not in the range x>=1."),
        (["--threads", "0"], "Invalid value for '--threads': 0 is not in the range x>=1."),
        (["--seed", "-1"], f"Invalid value for '--seed': -1 is not in the range 0<=x<={2**64 - 1}."),
    ],
)
def test_bad_numbers_are_refused(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(generate, ["x.onnx", *arguments], standalone_mode=False)
    assert isinstance(result.exception, click.UsageError)
    assert result.exception.format_message() == message


def test_errors_while_generating_leave_nothing_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    add_files(folder, {ONNX: build(gain=100).SerializeToString()})
    before = sorted(tmp_path.rglob("*"))
    for arguments in ([], ["--each", "some/where"], ["--out", "some/sheet.png"]):
        result = CliRunner().invoke(generate, [str(folder), *arguments], standalone_mode=False)
        assert isinstance(result.exception, InputError)
        assert sorted(tmp_path.rglob("*")) == before


def test_each_refuses_a_folder_whose_files_would_mix_with_the_pictures(folder: Path, tmp_path: Path) -> None:
    each = tmp_path / "each"
    arguments = [str(folder), "--each", str(each), "-n"]
    assert CliRunner().invoke(generate, [*arguments, "3"]).exit_code == 0
    assert CliRunner().invoke(generate, [*arguments, "3"]).exit_code == 0
    result = CliRunner().invoke(generate, [*arguments, "2"], standalone_mode=False)
    assert str(result.exception) == (
        f"--each {each}: it holds 000002.png, which 2 new pictures would not replace. Give an empty folder"
    )


def test_cuda_that_is_not_there_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    generator = OnnxGenerator.from_bytes(build().SerializeToString(), "hand")
    with pytest.raises(InputError, match=r"^cuda: onnxruntime .* cannot use CUDAExecutionProvider here.*$"):
        generator.using("cuda")


def test_the_commands_are_registered() -> None:
    cli = click.Group()
    zoo_register_commands(cli)
    assert sorted(cli.commands) == ["export", "generate"]
