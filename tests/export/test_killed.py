"""Killed while it replaces a file: the old one is there or the new one, whole, and what is listed is true."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import zoo.generators.folder
import zoo.system.atomic
from tests.support import killed_writer
from tests.support.handmade import build, config
from zoo.generators.files import ONNX, WEIGHTS
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KILLS = 5


def test_no_kill_leaves_neither_the_old_file_nor_the_new(tmp_path: Path) -> None:
    folder = tmp_path / "generator"
    GeneratorFolder.write(folder, {WEIGHTS: b"weights", ONNX: killed_writer.VERSIONS[1]}, config())
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    delays = random.Random(0)
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, killed_writer.__file__, folder], stdout=subprocess.PIPE, env=environment
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"writing\n"
            time.sleep(delays.uniform(0, 0.05))
            process.kill()
        assert (folder / ONNX).read_bytes() in killed_writer.VERSIONS
        assert WEIGHTS in GeneratorFolder.open(folder).verify().config.files, "what is listed is true"
    GeneratorFolder.open(folder).add_files({ONNX: build().SerializeToString()})
    assert GeneratorFolder.open(folder).verify().config.files[ONNX].size == (folder / ONNX).stat().st_size


def test_a_file_that_changes_is_off_the_list_until_the_new_one_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "generator"
    GeneratorFolder.write(folder, {WEIGHTS: b"weights", ONNX: b"old", "samples.png": b"same"}, config())
    written: list[tuple[str, bool]] = []
    plain = zoo.system.atomic.write_atomic

    def watched(path: Path, data: bytes) -> None:
        plain(path, data)
        written.append((path.name, ONNX in GeneratorFolder.open(folder).config.files))
        GeneratorFolder.open(folder).verify()

    monkeypatch.setattr(zoo.generators.folder, "write_atomic", watched)
    GeneratorFolder.open(folder).add_files({ONNX: b"new", "samples.png": b"same"})
    assert written == [
        ("config.json", False),
        ("model.onnx", False),
        ("samples.png", False),
        ("config.json", True),
    ]
    written.clear()
    GeneratorFolder.open(folder).add_files({ONNX: b"new"})
    assert written == [("model.onnx", True), ("config.json", True)], "the same bytes again need no such care"
