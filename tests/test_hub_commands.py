"""How the Hub's package meets the rest: opening by name, and exporting what was never exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from tests.hub_folder import make_folder, tiny_onnx
from zoo.generator_folder import ONNX, add_files, read_config
from zoo_hub.commands import push, zoo_open_generator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hub_fixtures import Person

pytest_plugins = ["tests.hub_fixtures"]


def test_a_published_generator_opens_by_name_and_makes_equal_pictures(
    me: Person, you: Person, folder: Path
) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    code = (
        "import sys\n"
        "from zoo_hub.commands import zoo_open_generator\n"
        "from zoo_export.session import OnnxGenerator\n"
        "published = zoo_open_generator('me/camel@main')\n"
        "assert published.name == 'me/camel@main'\n"
        "local = OnnxGenerator(sys.argv[1])\n"
        "assert (published.sample(5, seed=3) == local.sample(5, seed=3)).all()\n"
        "assert 'torch' not in sys.modules\n"
    )
    ran = you.python("-c", code, str(folder / ONNX))
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize("name", ["camel-wgangp", "./runs/x", "a/b/c", "model.onnx", "me/my camel"])
def test_other_names_are_left_to_others(name: str) -> None:
    assert zoo_open_generator(name) is None


def test_what_exists_on_this_disk_is_no_name_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me" / "camel").mkdir(parents=True)
    assert zoo_open_generator("me/camel") is None


def test_a_generator_without_onnx_is_exported_before_it_is_pushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "generator")
    config = read_config(folder)
    without = {name: record for name, record in config.files.items() if name != ONNX}
    add_files(folder, {}, config.model_copy(update={"files": without}))
    pushed: list[bool] = []

    def export(path: Path) -> None:
        add_files(path, {ONNX: tiny_onnx(0)})

    def publish(repo: str, path: Path, **_: object) -> str:
        pushed.append(ONNX in read_config(path).files)
        return repo

    monkeypatch.setattr("zoo_export.export.export", export)
    monkeypatch.setattr("zoo_hub.push.push", publish)
    ran = CliRunner().invoke(push, ["me/camel", str(folder)], catch_exceptions=False)
    assert (ran.exit_code, ran.stdout, pushed) == (0, "me/camel\n", [True])
