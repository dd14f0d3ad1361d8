"""The whole way, each person in a process of their own: train, export, push; elsewhere pull and make pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo
from tests.support.hub.server.hub import Hub
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAKE = """
import json, sys
import zoo
pictures = zoo.load(sys.argv[1]).sample(5, seed=3, batch=2)
print(json.dumps([pictures.tolist(), sorted(m for m in ("torch", "onnx", "zoo_plugins") if m in sys.modules)]))
"""


def run_zoo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zoo", *arguments], env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with Hub(tmp_path / "hub", users={"hf_me": "me"}) as running:
        yield running


def test_train_export_push_pull_generate(tiny: Path, tmp_path: Path, hub: Hub) -> None:
    author = {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": "hf_me",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(tmp_path / "author"),
    }
    stranger = {
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(tmp_path / "stranger"),
        "HF_TOKEN": "",
    }
    run = str(tmp_path / "run")

    trained = run_zoo("train", str(tiny), "--out", run)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.strip() == f"{run}/generator"
    exported = run_zoo("export", run, "--onnx")
    assert exported.returncode == 0, exported.stderr
    pushed = run_zoo("push", "me/tiny", run, **author)
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout.strip() == f"{hub.url}/me/tiny"

    pulled = run_zoo("pull", "me/tiny", "--to", str(tmp_path / "copy"), **stranger)
    assert pulled.returncode == 0, pulled.stderr
    made = subprocess.run(
        [sys.executable, "-c", MAKE, "me/tiny"], env={**os.environ, **stranger}, capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    pictures, imported = json.loads(made.stdout)

    assert imported == [], "pictures need neither torch nor onnx nor the plugins"
    assert np.array_equal(np.array(pictures, np.uint8), zoo.load(run).sample(5, seed=3))
    assert (
        GeneratorFolder.open(tmp_path / "copy").config
        == GeneratorFolder.open(tmp_path / "run" / "generator").config
    )
    card = (tmp_path / "copy" / "README.md").read_text()
    assert "100 bundled camel drawings" in card, "a stand-in is said where people look"


def test_generate_writes_the_pictures_it_says(tiny: Path, tmp_path: Path) -> None:
    run = zoo.train(str(tiny), steps=1, out=tmp_path / "run")
    made = run_zoo(
        "generate", str(run), "-n", "3", "--each", str(tmp_path / "each"), "--out", str(tmp_path / "grid.png")
    )

    assert made.returncode == 0, made.stderr
    assert "holds no onnx/model.onnx, so it is exported first" in made.stderr
    assert made.stdout.split() == [str(tmp_path / "each"), str(tmp_path / "grid.png")]
    assert [path.name for path in sorted((tmp_path / "each").iterdir())] == [
        "000000.png",
        "000001.png",
        "000002.png",
    ]
