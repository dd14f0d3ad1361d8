"""An open generator folder: its configuration is parsed once, and again only where somebody changed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.hub.config_reads import count_parses
from tests.support.hub.folder import make_config, make_folder
from zoo.errors import InputError, IntegrityError
from zoo.generators.files import CONFIG, ONNX, SAMPLES
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> GeneratorFolder:
    return GeneratorFolder.open(make_folder(tmp_path / "generator"))


def test_what_writing_returns_is_what_opening_reads(tmp_path: Path) -> None:
    written = GeneratorFolder.write(tmp_path, {ONNX: b"a model"}, make_config())
    assert written == GeneratorFolder.open(tmp_path)
    added = written.add_files({SAMPLES: b"a picture"})
    assert added == GeneratorFolder.open(tmp_path)
    assert (written.lists(SAMPLES), added.lists(SAMPLES), added.lists(ONNX)) == (False, True, True)
    assert added.size == len(b"a model") + len(b"a picture")
    assert added.file(SAMPLES).read_bytes() == b"a picture"


def test_an_unchanged_configuration_is_parsed_once(
    folder: GeneratorFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    parses = count_parses(monkeypatch)
    assert folder.current() is folder
    folder.file(CONFIG).write_bytes(folder.file(CONFIG).read_bytes())
    assert folder.current() is folder, "the same bytes, if in a file that was written anew"
    added = folder.add_files({ONNX: b"new"}).verify()
    assert added.current() is added
    assert parses == []
    GeneratorFolder.open(folder.path)
    assert parses == [folder.file(CONFIG)]


def test_what_somebody_else_wrote_is_read_and_stays(folder: GeneratorFolder) -> None:
    other = GeneratorFolder.open(folder.path).add_files({"onnx/model_fp16.onnx": b"half"})
    assert not folder.lists("onnx/model_fp16.onnx")
    assert folder.current() == other
    added = folder.add_files({SAMPLES: b"a picture"})
    assert added.lists("onnx/model_fp16.onnx")
    assert added.verify() is added
    with pytest.raises(IntegrityError, match=f"{SAMPLES}: it has 9 bytes, config.json says "):
        folder.verify()


def test_a_configuration_that_was_damaged_since_is_refused(folder: GeneratorFolder) -> None:
    folder.file(CONFIG).write_text("{")
    for act in (folder.current, lambda: folder.add_files({SAMPLES: b"a picture"})):
        with pytest.raises(InputError, match=r"config\.json: it is no JSON: "):
            act()
    folder.file(CONFIG).unlink()
    with pytest.raises(InputError, match=r"it holds no config\.json\."):
        folder.current()
