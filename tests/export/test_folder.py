"""Exporting a generator folder: what is added to it, and that nothing is where the proof fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from click.testing import CliRunner
from onnx import helper

import zoo.runs.generator.network
import zoo_export.convert.parity
import zoo_export.convert.to_onnx
import zoo_export.export
from tests.support.handmade import LATENT_DIM, SHAPE, build, config
from zoo import __version__
from zoo.cli.info import info
from zoo.errors import InputError, IntegrityError, ResourceError, UsageError
from zoo.generators.files import FILES, ONNX, REPORT, WEIGHTS, Variant
from zoo.generators.folder import GeneratorFolder
from zoo.system.atomic import sha256_file
from zoo_export.cli.export import export as export_command
from zoo_export.convert.parity import Reference, Tolerance
from zoo_export.convert.timing import Speed
from zoo_export.export import ExportOptions, export, export_copy
from zoo_export.runtime.session import OnnxGenerator

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
    GeneratorFolder.write(path, {WEIGHTS: b"weights"}, config())

    def to_onnx(module: nn.Module, latent_dim: int, metadata: Mapping[str, str], *, opset: int = 20) -> bytes:
        assert isinstance(module, ByHand)
        assert (latent_dim, opset) == (LATENT_DIM, 20)
        model = build()
        helper.set_model_props(model, dict(metadata))
        data: bytes = model.SerializeToString()
        return data

    monkeypatch.setattr(zoo.runs.generator.network, "load_generator", lambda _: ByHand())
    monkeypatch.setattr(zoo_export.convert.to_onnx, "to_onnx", to_onnx)
    return path


def test_the_file_is_listed_and_says_where_it_comes_from(folder: Path) -> None:
    report = export(GeneratorFolder.open(folder))
    assert report.path == folder / ONNX
    listed = GeneratorFolder.open(folder).verify().config.files
    (file,) = report.files
    assert (listed[ONNX].sha256, listed[ONNX].size) == (file.sha256, file.size)
    assert OnnxGenerator(folder).metadata == {
        "zoo.architecture": "by-hand",
        "zoo.latent_dim": str(LATENT_DIM),
        "zoo.licence": "cc-by-4.0",
        "zoo.range": "-1,1",
        "zoo.recipe": "hand",
        "zoo.variant": "fp32",
        "zoo.version": __version__,
        "zoo.weights_sha256": listed[WEIGHTS].sha256,
    }


def test_a_file_that_fails_the_check_never_appears(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    strict: dict[Variant, Tolerance] = {"fp32": Tolerance(1, difference=0.0)}
    monkeypatch.setattr(zoo_export.convert.parity, "tolerances", lambda: strict)
    before = {path: path.read_bytes() for path in folder.rglob("*")}
    with pytest.raises(
        IntegrityError, match=r"^fp32, batch \d+: onnxruntime's pictures differ from torch's by up to"
    ):
        export(GeneratorFolder.open(folder))
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before
    with pytest.raises(IntegrityError):
        export_copy(GeneratorFolder.open(folder), folder.parent / "copy")
    assert list(folder.parent.iterdir()) == [folder]


def test_a_copy_is_exported_and_the_source_stays(folder: Path) -> None:
    export(GeneratorFolder.open(folder))
    (folder / ONNX).write_bytes(b"damaged")
    copy = folder.parent / "copy"
    assert export_copy(GeneratorFolder.open(folder), copy).path == copy / ONNX
    assert sorted(GeneratorFolder.open(copy).verify().config.files) == sorted([WEIGHTS, ONNX, REPORT])
    assert (folder / ONNX).read_bytes() == b"damaged"
    with pytest.raises(InputError) as caught:
        export_copy(GeneratorFolder.open(folder), copy)
    assert str(caught.value) == f"--out {copy}: it exists already. Give a new folder"


def test_the_command_shows_figures_and_the_next_step(folder: Path) -> None:
    result = CliRunner().invoke(export_command, [str(folder), "--onnx"], standalone_mode=False)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert result.stdout.startswith("variant  batch  max |diff|  mean |diff|  pixels differ  ")
    assert [line[:2] for line in lines[1:5]] == [["fp32", str(batch)] for batch in (1, 2, 7, 64)]
    assert all(float(figure) > 0 for line in lines[1:5] for figure in line[-3:])
    assert " ".join(lines[5]) == f"{folder / ONNX}: 0.0 MB, opset 20, on CPUExecutionProvider"
    assert " ".join(lines[6]) == f"Next: zoo generate {folder} ; zoo push OWNER/hand {folder}"


def test_the_report_says_what_was_proved_for_each_variant(folder: Path) -> None:
    arguments = [str(folder), "--onnx", "--fp16", "--uint8", "--json"]
    result = CliRunner().invoke(export_command, arguments, standalone_mode=False)
    listed = GeneratorFolder.open(folder).verify().config.files
    printed = json.loads(result.stdout)
    written = json.loads((folder / REPORT).read_bytes())
    assert printed == {"folder": str(folder), **written}
    assert {name: facts["file"] for name, facts in written["variants"].items()} == {
        "fp32": "onnx/model.onnx",
        "fp16": "onnx/model_fp16.onnx",
        "uint8": "onnx/images_uint8.onnx",
    }
    for facts in written["variants"].values():
        record = listed[facts["file"]]
        assert (facts["sha256"], facts["size"]) == (record.sha256, record.size)
        assert (facts["provider"], facts["opset"]) == ("CPUExecutionProvider", 20)
        assert [row["batch"] for row in facts["batches"]] == [1, 2, 7, 64]
        for row in facts["batches"]:
            assert 0 <= row["mean_difference"] <= row["max_difference"]
            assert row["images_per_second"] == pytest.approx(row["batch"] / row["seconds"], abs=0.1)
            assert row["torch_seconds"] > 0
    assert str(folder) not in (folder / REPORT).read_text(), "no local path"


def test_a_later_export_keeps_what_earlier_ones_proved(folder: Path) -> None:
    export(GeneratorFolder.open(folder), ExportOptions(variants=("fp16",)))
    export(GeneratorFolder.open(folder), ExportOptions(variants=("uint8",)))
    variants = json.loads((folder / REPORT).read_bytes())["variants"]
    assert set(variants) == {"fp32", "fp16", "uint8"}
    GeneratorFolder.open(folder).add_files({FILES["fp16"]: b"something else"})
    export(GeneratorFolder.open(folder))
    variants = json.loads((folder / REPORT).read_bytes())["variants"]
    assert set(variants) == {"fp32", "uint8"}, "a proof of other bytes is none"


def test_one_variant_that_fails_leaves_everything_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        zoo_export.convert.parity,
        "tolerances",
        lambda: {"fp32": Tolerance(1, difference=1), "fp16": Tolerance(1, difference=0)},
    )
    before = {path: path.read_bytes() for path in folder.rglob("*")}
    arguments = [str(folder), "--onnx", "--fp16"]
    result = CliRunner().invoke(export_command, arguments, standalone_mode=False)
    assert isinstance(result.exception, IntegrityError)
    assert result.exception.exit_code == 4
    message = str(result.exception)
    assert message.startswith("fp16, batch 1: onnxruntime's pictures differ from torch's by up to ")
    assert message.endswith("more than 0e+00. The file was not kept; leave out --fp16 for this generator")
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before


@pytest.mark.parametrize(
    ("speed", "words", "warned"),
    [
        (Speed(1.5, 12, faster=False), "1.5 times as slow as float32 here", True),
        (Speed(0.4, 10, faster=True), "2.5 times as fast as float32 here", False),
        (
            Speed(0.98, 90, faster=None),
            "not certainly faster or slower than float32 here (90 rounds, 0.98 times as long)",
            False,
        ),
    ],
)
def test_a_slow_int8_file_is_advised_against_and_kept_with_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, speed: Speed, words: str, warned: bool
) -> None:
    monkeypatch.setattr(Reference, "compare_speed", lambda *_: speed)
    arguments = [str(folder), "--onnx", "--fp16", "--int8", "--uint8"]
    result = CliRunner().invoke(export_command, arguments, standalone_mode=False)
    assert result.exception is None
    listed = GeneratorFolder.open(folder).verify().config.files
    assert set(FILES.values()) <= set(listed)
    lines = [line for line in result.stdout.splitlines() if line.startswith(str(folder / FILES["int8"]))]
    assert len(lines) == 1
    assert f" dB, {words}, on CPUExecutionProvider" in lines[0]
    advice = f"int8: it takes {speed.ratio:.2f} times as long as float32 on this machine. The file is kept"
    assert (advice in result.stderr) == warned
    written = json.loads((folder / REPORT).read_bytes())["variants"]
    assert written["int8"]["speed"] == {"ratio": speed.ratio, "rounds": speed.rounds, "faster": speed.faster}
    assert "speed" not in written["fp16"]


def test_a_file_larger_than_is_ever_read_is_not_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo_export.export, "ONNX_LIMIT", 100)
    before = {path: path.read_bytes() for path in folder.rglob("*")}
    with pytest.raises(
        ResourceError,
        match=r"^onnx/model.onnx: it would have \d+ bytes, and more than 100 are never read\. Train",
    ):
        export(GeneratorFolder.open(folder))
    assert {path: path.read_bytes() for path in folder.rglob("*")} == before


def test_info_tells_what_a_file_holds(folder: Path) -> None:
    export(GeneratorFolder.open(folder), ExportOptions(variants=("uint8",)))
    path = folder / FILES["uint8"]
    result = CliRunner().invoke(info, [str(path), "--json"], standalone_mode=False)
    facts = json.loads(result.stdout)
    assert facts["file"] == str(path)
    assert (facts["size"], facts["sha256"]) == (path.stat().st_size, sha256_file(path))
    assert facts["opset"] == 20
    assert facts["inputs"] == [f"z float (batch, {LATENT_DIM})"]
    assert facts["outputs"] == ["images uint8 (batch, 3, 2, 3)"]
    assert facts["parameters"] == LATENT_DIM * 6
    assert {"MatMul": 1, "Tanh": 1, "Reshape": 1, "Concat": 1}.items() <= facts["operations"].items()
    assert facts["metadata"]["zoo.variant"] == "uint8"
    assert facts["metadata"]["zoo.range"] == "0,255"
    text = CliRunner().invoke(info, [str(path)], standalone_mode=False).stdout
    assert "\n  zoo.recipe                     hand\n" in text


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
    assert isinstance(result.exception, InputError if "x" in arguments else UsageError)
    assert str(result.exception) == message.format(folder)
