"""What is published holds what people and tests need, and says one version."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.support.documents import ROOT
from zoo.__about__ import DISTRIBUTION, __version__
from zoo.generators.bundled import FOLDER

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel, built from these sources without a network."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return folder


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

    assert (project["name"], project["version"]) == (DISTRIBUTION, __version__)


def test_the_wheel_holds_the_packages_and_the_generators_and_nothing_else(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    generators = {path.relative_to(ROOT).as_posix() for path in FOLDER.rglob("*") if path.is_file()}

    info = f"gan_model_zoo-{__version__}.dist-info"
    assert {name.partition("/")[0] for name in names} == {"zoo", "zoo_plugins", "zoo_export", "zoo_hub", info}
    assert generators <= names
    assert len(generators) == 30
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE", f"{info}/entry_points.txt"} <= names
    assert "zoo_plugins/recipes/camel-wgangp.toml" in names
    assert [name for name in names if name.endswith((".pyc", ".toml.orig"))] == []


def test_the_wheel_says_what_the_index_shows(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    metadata = zipfile.ZipFile(wheel).read(f"gan_model_zoo-{__version__}.dist-info/METADATA").decode()

    head, _, description = metadata.partition("\n\n")
    assert description.startswith("# gan-model-zoo\n")
    assert "Description-Content-Type: text/markdown" in head
    assert "License-Expression: MIT" in head
    needed = [line for line in head.splitlines() if line.startswith("Requires-Dist") and "extra" not in line]
    assert not any("torch" in line or "onnx>" in line for line in needed)


def test_the_sdist_holds_what_the_tests_need(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert tests <= names
    assert {".ci/run", "constraints.txt", "README.md", "docs/design.md", "benchmarks/__init__.py"} <= names


def test_the_sdist_holds_nothing_that_lies_beside_the_sources(tmp_path: Path) -> None:
    sources = ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "zoo/__init__.py")
    for name in (*sources, "my-pictures/me.png", ".notes/faces.zip", "token.txt"):
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_bytes((ROOT / name).read_bytes() if name in sources else b"mine")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(build, cwd=tmp_path / "here", check=True, capture_output=True)

    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names == {*sources, "PKG-INFO"}
