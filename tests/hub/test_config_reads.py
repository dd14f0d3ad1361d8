"""A push and an export parse `config.json` once, and what changes after the check is found all the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import zoo
from tests.support.hub.config_reads import count_parses
from tests.support.hub.folder import tiny_onnx
from zoo.generators.files import CONFIG, ONNX
from zoo_export.cli.export import export
from zoo_hub.card.variety import measure
from zoo_hub.cli.push import push
from zoo_hub.repository.publishable import check_publishable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub
    from zoo.generators.folder import GeneratorFolder
    from zoo_hub.push import PushOptions

pytest_plugins = ["tests.support.hub.fixtures"]

COUNTED = """
import sys
import pytest
from tests.support.hub.config_reads import count_parses
from tests.support.hub.run import main

with pytest.MonkeyPatch.context() as monkeypatch:
    parses = count_parses(monkeypatch)
    code = main()
print("parses", len(parses))
sys.exit(code)
"""
CHANGED = """
import sys
from pathlib import Path
import zoo_hub.push
from tests.support.hub.run import main

fetch_card, path, data = zoo_hub.push.fetch_card, Path(sys.argv.pop()), sys.argv.pop()

def fetch_and_change(*arguments):
    path.write_bytes(bytes.fromhex(data))
    return fetch_card(*arguments)

zoo_hub.push.fetch_card = fetch_and_change
sys.exit(main())
"""
"""A push during which a file of the folder changes: after the folder was checked, while the Hub is asked."""


@pytest.mark.parametrize("options", [[], ["--dry-run"]])
def test_a_push_parses_it_once(me: Person, folder: Path, options: list[str]) -> None:
    ran = me.python("-c", COUNTED, "push", "me/camel", str(folder), *options)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "parses 1")


def test_an_export_parses_it_once(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = zoo.train(str(tiny), steps=1, out=tmp_path / "run")
    parses = count_parses(monkeypatch)
    for arguments in ([], ["--out", str(tmp_path / "copy")]):
        CliRunner().invoke(export, [str(run), "--onnx", *arguments], catch_exceptions=False)
        assert parses == [run / "generator" / CONFIG]
        parses.clear()
    assert (tmp_path / "copy" / ONNX).is_file()


def test_a_push_that_exports_first_parses_it_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = zoo.train(str(tiny), steps=1, out=tmp_path / "run")
    parses = count_parses(monkeypatch)

    def publish(repo: str, generator: GeneratorFolder, _options: PushOptions) -> str:
        check_publishable(generator.current())
        measure(generator.current())
        return repo

    monkeypatch.setattr("zoo_hub.push.push", publish)
    CliRunner().invoke(push, ["me/camel", str(run)], catch_exceptions=False)
    assert parses == [run / "generator" / CONFIG]


def test_what_changes_between_the_check_and_the_upload_is_found(hub: Hub, me: Person, folder: Path) -> None:
    listed = json.loads((folder / CONFIG).read_bytes())
    listed["files"][ONNX]["sha256"] = "0" * 64
    model = folder / ONNX
    cases = [
        (model, tiny_onnx(1), 4, f"{model}: its sha256 is "),
        (folder / CONFIG, json.dumps(listed).encode(), 4, f"{model}: its sha256 is "),
        (folder / CONFIG, b"{", 3, f"{folder / CONFIG}: it is no JSON: "),
    ]
    for path, data, code, start in cases:
        before = path.read_bytes()
        ran = me.python("-c", CHANGED, "push", "me/camel", str(folder), data.hex(), str(path))
        assert (ran.code, ran.err.startswith(start)) == (code, True), ran.err
        path.write_bytes(before)
    assert hub.store.load("models", "me/camel") is None
