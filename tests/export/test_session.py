"""Opening ONNX files and generator folders, whatever they really are, and making pictures without torch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from tests.support.handmade import LATENT_DIM, SHAPE, build, config, pictures_of
from zoo.errors import InputError, IntegrityError, ZooError
from zoo.generators.files import ONNX, ONNX_LIMIT, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "generator"
    GeneratorFolder.write(path, {WEIGHTS: b"weights", ONNX: build().SerializeToString()}, config())
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
    GeneratorFolder.open(folder).add_files({ONNX: model.SerializeToString()})
    advice = f"Make it anew with `zoo export {folder} --onnx`"
    assert refusal(folder) == f"{folder}: {ONNX} was made from other weights than {WEIGHTS}. {advice}"
    GeneratorFolder.write(folder, {ONNX: build().SerializeToString()}, config(latent_dim=5))
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
    reason = "it keeps weights in other files, which are never read. Export it again, or give another file"
    assert refusal(path) == f"{path}: {reason}"


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    fifo, folder = tmp_path / "fifo.onnx", tmp_path / "folder.onnx"
    os.mkfifo(fifo)
    folder.mkdir()
    assert refusal(fifo) == f"{fifo}: it cannot be read: it is no regular file. Give an .onnx file"
    assert "it holds no config.json" in refusal(folder)
    sparse = tmp_path / "huge.onnx"
    with sparse.open("wb") as file:
        file.truncate(ONNX_LIMIT + 1)
    assert refusal(sparse) == f"{sparse}: it has 109051905 bytes, more than 109051904. Give another file"


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
    with pytest.raises(InputError, match=r"^wild: z holds numbers that are not finite in float32"):
        generator.generate(np.full((1, LATENT_DIM), np.nan, np.float32))
    broken = OnnxGenerator.from_bytes(build(gain=float("nan")).SerializeToString(), "broken")
    with pytest.raises(
        InputError,
        match=r"^broken: its pictures hold pixels that are not finite\. Export another checkpoint$",
    ):
        broken.generate(np.zeros((1, LATENT_DIM), np.float32))


def test_latents_of_another_shape_are_refused() -> None:
    generator = OnnxGenerator.from_bytes(build().SerializeToString(), "hand")
    with pytest.raises(InputError) as caught:
        generator.generate(np.zeros((2, 5), np.float32))
    assert str(caught.value) == "hand: z must be (N, 4) with N >= 1, found (2, 5). Reshape it"
