"""`zoo generate` and the opening of names, without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.support.handmade import build, config
from zoo.errors import InputError
from zoo.generators.files import ONNX, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.generators.pictures import grid
from zoo_export.cli.generate import generate
from zoo_export.hooks import zoo_open_generator, zoo_register_commands
from zoo_export.runtime.session import OnnxGenerator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "generator"
    GeneratorFolder.write(path, {WEIGHTS: b"weights", ONNX: build().SerializeToString()}, config())
    return path


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
        "from zoo_export.cli.generate import generate\n"
        f"arguments = [{str(folder)!r}, '-n', '5', '--each', 'each', '--out', 'sheet.png']\n"
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
    assert (done.returncode, done.stdout) == (0, f"each\n{Path('sheet.png')}\n"), done.stderr
    assert done.stderr == f"{folder}: 5 pictures of 2 x 3, seed 0, on CPUExecutionProvider\n"
    expected = OnnxGenerator(folder).sample(5)
    for index, picture in enumerate(expected):
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / f"each/{index:06d}.png")), picture)
    assert len(list((tmp_path / "each").iterdir())) == 5
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "sheet.png")), np.asarray(grid(expected)))


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
    GeneratorFolder.open(folder).add_files({ONNX: build(gain=100).SerializeToString()})
    before = sorted(tmp_path.rglob("*"))
    for arguments in ([], ["--each", "some"], ["--out", "sheet.png"]):
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
    assert sorted(cli.commands) == ["demo", "export", "generate"]
