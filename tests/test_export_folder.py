"""Exporting a generator folder: what is added to it, and that nothing is where the proof fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from click.testing import CliRunner
from onnx import helper

import zoo.weights
import zoo_export.check
import zoo_export.convert
from tests.handmade import LATENT_DIM, SHAPE, build, config
from zoo import __version__
from zoo.errors import InputError, IntegrityError, UsageError
from zoo.generator_folder import ONNX, WEIGHTS, add_files, verify
from zoo_export.commands import export as export_command
from zoo_export.export import export, export_copy
from zoo_export.session import OnnxGenerator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn


class ByHand(torch.nn.Module):
    """The network whose ONNX file `build` makes."""

    def forward(self, z: Tensor) -> Tensor:
        weights = torch.linspace(-0.5, 0.5, LATENT_DIM * 6).view(LATENT_DIM, 6)
        return torch.tanh(z @ weights).view(-1, *SHAPE)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with weights only; torch's slow exporter gives way to a model made by hand."""
    path = tmp_path / "generator"
    add_files(path, {WEIGHTS: b"weights"}, config())

    def to_onnx(module: nn.Module, latent_dim: int, metadata: Mapping[str, str], *, opset: int = 20) -> bytes:
        assert isinstance(module, ByHand)
        assert (latent_dim, opset) == (LATENT_DIM, 20)
        model = build()
        helper.set_model_props(model, dict(metadata))
        data: bytes = model.SerializeToString()
        return data

    monkeypatch.setattr(zoo.weights, "load_generator", lambda _: ByHand())
    monkeypatch.setattr(zoo_export.convert, "to_onnx", to_onnx)
    return path


def test_the_file_is_listed_and_says_where_it_comes_from(folder: Path) -> None:
    report = export(folder)
    assert report.path == folder / ONNX
    listed = verify(folder).files
    assert (listed[ONNX].sha256, listed[ONNX].size) == (report.sha256, report.size)
    assert OnnxGenerator(folder).metadata == {
        "zoo.architecture": "by-hand",
        "zoo.latent_dim": str(LATENT_DIM),
        "zoo.licence": "cc-by-4.0",
        "zoo.range": "-1,1",
        "zoo.recipe": "hand",
        "zoo.version": __version__,
        "zoo.weights_sha256": listed[WEIGHTS].sha256,
    }


def test_a_file_that_fails_the_check_never_appears(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo_export.check, "TOLERANCE", 0.0)
    before = {path: path.read_bytes() for path in folder.rglob("*")}
    with pytest.raises(
        IntegrityError, match=r"^batch \d+: onnxruntime's pictures differ from torch's by up to"
    ):
        export(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before
    with pytest.raises(IntegrityError):
        export_copy(folder, folder.parent / "copy")
    assert list(folder.parent.iterdir()) == [folder]


def test_a_copy_is_exported_and_the_source_stays(folder: Path) -> None:
    export(folder)
    (folder / ONNX).write_bytes(b"damaged")
    copy = folder.parent / "copy"
    assert export_copy(folder, copy).path == copy / ONNX
    assert sorted(verify(copy).files) == sorted([WEIGHTS, ONNX])
    assert (folder / ONNX).read_bytes() == b"damaged"
    with pytest.raises(InputError) as caught:
        export_copy(folder, copy)
    assert str(caught.value) == f"--out {copy}: it exists already. Give a new folder"


def test_the_command_shows_figures_and_the_next_step(folder: Path) -> None:
    result = CliRunner().invoke(export_command, [str(folder), "--onnx"], standalone_mode=False)
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["batch", "1", "2", "7", "64"]
    assert lines[5] == f"{folder / ONNX}: 0.0 MB, opset 20"
    assert lines[6] == f"Next:  zoo generate {folder}  ;  zoo push me/hand {folder}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "export: there is no format chosen. Add --onnx"),
        (
            ["--onnx", "--checkpoint", "x"],
            "--checkpoint: 'x' is neither best nor last nor a step. Give one of these",
        ),
        (
            ["--onnx", "--checkpoint", "7"],
            "--checkpoint: {} is no run, so it has no checkpoints. Leave it out",
        ),
    ],
)
def test_wrong_options_are_refused(folder: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(export_command, [str(folder), *arguments], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == message.format(folder)
