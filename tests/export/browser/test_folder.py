"""`zoo demo --out`: a whole folder or none, and nobody's files lost."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.handmade import build
from zoo.errors import InputError, ResourceError
from zoo_export.browser.folder import demo, write_page
from zoo_export.browser.page import make_page

if TYPE_CHECKING:
    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]


@pytest.fixture(autouse=True)
def _models() -> None:
    """Put two generators into the current folder."""
    Path("hand.onnx").write_bytes(build().SerializeToString())
    Path("colour.onnx").write_bytes(build(channels=3).SerializeToString())


def test_an_earlier_page_is_replaced_whole(zoo: Zoo) -> None:
    zoo("demo", "hand.onnx", "colour.onnx", "--out", "page")
    zoo("demo", "colour.onnx", "--out", "page")

    assert [path.name for path in Path("page/models").iterdir()] == ["colour.onnx"]
    assert not list(Path().glob("*.tmp-*"))


@pytest.mark.parametrize("name", ["notes.txt", "models/mine.onnx", ".git/config"])
def test_somebodys_file_is_never_lost(name: str, zoo: Zoo) -> None:
    zoo("demo", "hand.onnx", "--out", "page")
    path = Path("page") / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    ran = zoo("demo", "colour.onnx", "--out", "page")

    assert (ran.code, path.read_text()) == (3, "mine")
    assert ran.error == f"--out page: it holds {name}, which no play page made. Give another folder"
    assert Path("page/models/hand.onnx").exists()


@pytest.mark.parametrize(
    "content", ["{}", "[]", "{", '{"made_by": "me", "files": ["page.json"]}', "[" * 100_000]
)
def test_a_page_json_of_another_kind_does_not_make_a_folder_ours(content: str) -> None:
    Path("page").mkdir()
    Path("page/page.json").write_text(content)
    with pytest.raises(InputError, match=r"^--out page: it holds page\.json, which no play page made"):
        demo("hand.onnx", Path("page"))
    assert Path("page/page.json").read_text() == content


def test_an_empty_folder_will_do_and_a_file_or_this_folder_will_not(zoo: Zoo) -> None:
    Path("empty").mkdir()
    Path("file").write_text("mine")

    assert zoo("demo", "hand.onnx", "--out", "empty").code == 0
    file, here = zoo("demo", "hand.onnx", "--out", "file"), zoo("demo", "hand.onnx", "--out", ".")
    assert (file.code, file.error) == (3, "--out file: it is a file. Give a folder")
    assert here.code == 3
    assert here.error.startswith("--out .: it is the folder you are in")


def test_a_name_that_is_too_long_is_refused(zoo: Zoo) -> None:
    ran = zoo("demo", "hand.onnx", "--out", "x" * 300)

    assert ran.code == 3
    assert ran.error == f"--out {'x' * 200}: it cannot be looked into: File name too long. Give another path"


def test_a_full_disk_leaves_the_earlier_page(monkeypatch: pytest.MonkeyPatch) -> None:
    demo("hand.onnx", Path("page"))
    files = make_page(["colour.onnx"])
    written: list[Path] = []
    honest = Path.write_bytes

    def fill_up(path: Path, data: bytes) -> int:
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return honest(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with pytest.raises(ResourceError, match="No space left on device"):
        write_page(files, Path("page"))
    assert len(written) == 3
    assert [path.name for path in Path("page/models").iterdir()] == ["hand.onnx"]
    assert not list(Path().glob("*.tmp-*"))
