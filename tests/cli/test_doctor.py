"""`zoo doctor`: what really works here, and why the rest does not."""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import zoo_export.runtime.doctor
from zoo.errors import InputError
from zoo.system.cache import folder_size
from zoo_export.runtime.providers import load_onnxruntime

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo
    from tests.support.other_plugins import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

BLOCK = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
"""


@pytest.fixture(autouse=True)
def _own_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HUGGING_FACE_HUB_TOKEN", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


def findings(zoo: Zoo) -> dict[str, dict[str, Any]]:
    ran = zoo("doctor", "--json")
    assert ran.code == 0, ran.err
    return {row["about"]: row for row in json.loads(ran.out)}


def test_the_processor_works_and_versions_are_told(zoo: Zoo) -> None:
    found = findings(zoo)

    assert found["CPUExecutionProvider"]["found"] == "works: a small model was run on it"
    assert found["numpy"]["found"] == metadata.version("numpy")
    assert found["training"]["state"] == "ok"
    assert found["Hub login"]["found"] == "none"
    assert found["Hub login"]["advice"] == "To publish, run hf auth login"


def test_people_read_the_same(zoo: Zoo) -> None:
    found, lines = findings(zoo), zoo("doctor").out.splitlines()

    told = [line.split() for line in lines if line[:1] != " "]
    assert [words[0] for words in told] == [row["state"] for row in found.values()]
    for row in found.values():
        assert any(row["about"] in line and line.endswith(row["found"]) for line in lines)
        assert not row["advice"] or any(line.strip() == f"{row['advice']}." for line in lines)


def test_without_a_gpu_cuda_is_no_problem(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_export.runtime.doctor._has_nvidia_gpu", lambda: False)
    row = findings(zoo)["CUDAExecutionProvider"]

    assert (row["state"], row["advice"]) == ("ok", "")
    assert row["found"] == "not used: there is no NVIDIA GPU here, or no driver of one"


def test_what_is_missing_is_not_ok(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = {"torch", "pyarrow", "onnxruntime"}
    monkeypatch.setattr(
        "zoo.plugins.installed.installed_version",
        lambda name: None if name in absent else metadata.version(name),
    )
    found = findings(zoo)

    assert {found[name]["state"] for name in ("torch", "pyarrow")} == {"note"}
    assert found["pyarrow"]["advice"] == 'For what needs it, run pip install "gan-model-zoo[data]"'
    assert "onnxruntime" not in found, "the one for GPUs is there"
    absent |= {"onnx", "jinja2", "onnxruntime-gpu", "matplotlib", "onnxscript"}
    advised = [line.strip() for line in zoo("doctor").out.splitlines()]
    assert advised.count('For what needs it, run pip install "gan-model-zoo[train]".') == 1, (
        "of five in a row"
    )
    absent.add("numpy")
    ran = zoo("doctor")
    assert ran.code == 3
    assert ran.error == "numpy: not installed. Install gan-model-zoo again"


def test_why_cuda_is_not_used(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_export.runtime.doctor._has_nvidia_gpu", lambda: True)
    row = findings(zoo)["CUDAExecutionProvider"]

    assert row["state"] == "note"
    assert row["found"].startswith("does not work: ")
    assert "\n" not in row["found"]
    if "CUDAExecutionProvider" not in load_onnxruntime().get_available_providers():
        assert row["found"].endswith("was built without it")


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (
            "[E:onnxruntime:Default, x.cc:1 operator()] y.cc:2 Get() [ONNXRuntimeError] : 1 : FAIL : Failed to load "
            "library a.so with error: libcublasLt.so.13: cannot open shared object file\n\x1b[m",
            "libcublasLt.so.13: cannot open shared object file",
        ),
        (
            "x.cc:1 CudaCall CUDA failure 35: CUDA driver version is insufficient; GPU=-1 ; hostname=secret",
            "CUDA driver version is insufficient",
        ),
        ("nothing of interest\n", None),
    ],
)
def test_the_reason_is_found_in_what_onnxruntime_says(log: str, reason: str | None) -> None:
    assert zoo_export.runtime.doctor._cuda_reason(log) == reason


def test_a_processor_that_does_not_work_ends_with_an_error(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise InputError("sigmoid: no")

    monkeypatch.setattr(zoo_export.runtime.doctor, "new_session", fail)
    ran = zoo("doctor")

    assert ran.code == 3
    assert ran.error == (
        "CPUExecutionProvider: does not work: sigmoid: no. Install onnxruntime-gpu (or onnxruntime) again"
    )
    assert "broken  CPUExecutionProvider" in ran.out


def test_both_packages_of_onnxruntime_are_told(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo_export.runtime.doctor, "installed_version", lambda _name: "1.0")
    row = findings(zoo)["onnxruntime packages"]

    assert (row["state"], row["found"]) == ("note", "both are installed, and overwrite each other's files")


def test_a_token_is_told_of_and_never_shown(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    ran = zoo("doctor", "--json")

    assert "there is a token" in ran.out
    assert "hf_secret" not in ran.out + ran.err


def test_a_distribution_whose_plugins_fail_alike_is_named_once(zoo: Zoo, others: Plugins) -> None:
    others.add("zoo-torn", "import nowhere")
    points = others.folder / "zoo_torn-1.0.dist-info" / "entry_points.txt"
    points.write_text("[zoo]\na = zoo_torn\nb = zoo_torn\n[zoo.commands]\na = zoo_torn\n")

    ran = zoo("doctor")

    assert [warning.partition(" is left out: ")[0] for warning in ran.warnings] == [
        "plugin a of zoo-torn 1.0"
    ]
    assert [line.split("  ")[0] for line in ran.out.splitlines() if "torn 1.0" in line] == ["note"]
    assert (
        "plugins a and b of zoo-torn 1.0  failed: ModuleNotFoundError: No module named 'nowhere'"
        in re.sub(" {2,}", "  ", ran.out)
    )


def test_a_plugin_that_failed_and_one_with_findings(zoo: Zoo, others: Plugins) -> None:
    others.add("zoo-torn", "import nowhere")
    others.add(
        "zoo-licence",
        "from zoo.hookspecs import Finding, hookimpl\n@hookimpl\n"
        "def zoo_diagnose(): return [Finding('licence server', 'answers')]\n",
        group="zoo.commands",
    )
    found = findings(zoo)

    assert found["plugin torn of zoo-torn 1.0"] == {
        "about": "plugin torn of zoo-torn 1.0",
        "found": "failed: ModuleNotFoundError: No module named 'nowhere'",
        "state": "note",
        "advice": "Mend it, uninstall it, or set ZOO_DISABLE=zoo-torn",
    }
    assert found["licence server"]["found"] == "answers"


def test_without_torch_pictures_are_enough(others: Plugins) -> None:
    ran = others.process("doctor", "--json", code=BLOCK)
    (row,) = (row for row in json.loads(ran.out) if row["about"] == "training")

    assert ran.code == 0
    assert (row["state"], row["found"]) == ("note", "torch is not installed")
    assert row["advice"] == 'To train or export, run pip install "gan-model-zoo[train]"'


def test_the_size_of_a_folder_follows_no_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "ten").write_bytes(b"0" * 10)
    (tmp_path / "b").write_bytes(b"0" * 7)
    (tmp_path / "link").symlink_to(Path("/usr"))
    links = (tmp_path / "link").lstat().st_size

    assert folder_size(tmp_path) in (17, 17 + links)
    assert folder_size(tmp_path / "missing") == 0
