"""The files of onnxruntime-web: one version, known by their hashes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.handmade import build
from zoo.errors import InputError, IntegrityError
from zoo_export.browser import onnxruntime_web
from zoo_export.browser.onnxruntime_web import integrity, read_runtime
from zoo_export.browser.page import make_page

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]


@pytest.fixture(autouse=True)
def _models() -> None:
    """Put two generators into the current folder."""
    Path("hand.onnx").write_bytes(build().SerializeToString())
    Path("colour.onnx").write_bytes(build(channels=3).SerializeToString())


def facts(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files["page.json"])
    return found


def fake_runtime(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Write files that stand for onnxruntime-web, and let these count as the right ones."""
    dist = folder / "dist"
    dist.mkdir(parents=True)
    files = {name: f"stands for {name}".encode() for name in onnxruntime_web.INTEGRITY}
    for name, data in files.items():
        (dist / name).write_bytes(data)
    hashes = {name: integrity(data) for name, data in files.items()}
    monkeypatch.setattr(onnxruntime_web, "INTEGRITY", hashes)
    return files


def test_the_runtime_is_copied_and_nothing_else_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = fake_runtime(Path("package"), monkeypatch)
    for folder in (Path("package"), Path("package/dist")):
        files = make_page(["hand.onnx"], folder)
        assert {f"runtime/{name}": data for name, data in runtime.items()}.items() <= files.items()
        assert b"https:" not in files["index.html"]
        assert facts(files)["runtime"]["base"] == "runtime/"


def test_a_runtime_of_other_bytes_is_refused(monkeypatch: pytest.MonkeyPatch, zoo: Zoo) -> None:
    fake_runtime(Path("package"), monkeypatch)
    wasm = Path("package/dist/ort-wasm-simd-threaded.wasm")
    wasm.write_bytes(b"another")
    other = zoo("demo", "hand.onnx", "--runtime", "package", "--out", "page")
    wasm.unlink()
    missing = zoo("demo", "hand.onnx", "--runtime", "package", "--out", "page")

    assert (other.code, missing.code) == (4, 3)
    assert "npm pack onnxruntime-web@1.30.0" in other.error
    assert missing.error.startswith(f"{wasm}: it cannot be read: No such file or directory. Get it with")
    assert not Path("page").exists()


def test_without_a_runtime_each_file_has_an_address_with_a_version_and_a_hash() -> None:
    runtime = facts(make_page(["hand.onnx"]))["runtime"]

    assert runtime["base"] == "https://cdn.jsdelivr.net/npm/onnxruntime-web@1.30.0/dist/"
    parts = [runtime[build][part] for build in ("wasm", "webgpu") for part in ("module", "binary")]
    for part in parts:
        assert re.fullmatch(r"sha384-[A-Za-z0-9+/]{64}", part["integrity"])
    assert len({part["integrity"] for part in parts}) == 4


def test_an_empty_runtime_folder_is_refused() -> None:
    Path("nothing").mkdir()
    with pytest.raises(InputError, match=r"^nothing.ort\.wasm\.bundle\.min\.mjs: it cannot be read"):
        read_runtime(Path("nothing"))


def test_integrity_is_what_the_standard_says() -> None:
    # From the W3C's Subresource Integrity, section 3.1.
    assert integrity(b"alert('Hello, world.');") == (
        "sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO"
    )


def test_reading_a_runtime_checks_every_file(monkeypatch: pytest.MonkeyPatch) -> None:
    files = fake_runtime(Path("package"), monkeypatch)
    assert read_runtime(Path("package")) == files
    for name in files:
        path = Path("package/dist") / name
        path.write_bytes(files[name] + b" ")
        with pytest.raises(IntegrityError):
            read_runtime(Path("package"))
        path.write_bytes(files[name])
