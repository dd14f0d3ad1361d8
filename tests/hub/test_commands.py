"""How the Hub's package meets the rest: opening by name, and exporting what was never exported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hub.folder import make_folder, tiny_onnx
from zoo.errors import InputError
from zoo.generators.files import ONNX
from zoo.generators.folder import GeneratorFolder
from zoo_export.report import ExportReport
from zoo_hub.cli.push import push
from zoo_hub.hooks import zoo_open_generator
from zoo_hub.names import HubName, parse_hub_name

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub
    from zoo_hub.push import PushOptions

pytest_plugins = ["tests.support.hub.fixtures"]


def test_a_published_generator_opens_by_name_and_makes_equal_pictures(
    me: Person, you: Person, folder: Path
) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    code = (
        "import sys\n"
        "from zoo_hub.hooks import zoo_open_generator\n"
        "from zoo_export.runtime.session import OnnxGenerator\n"
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


@pytest.mark.parametrize(
    "name",
    ["me/foo-", "me/foo.", "me-/foo", "me/model.git", "me/a--b", "me/a..b", "me/-foo", "me/" + "a" * 97],
)
def test_names_that_the_hub_does_not_take_are_refused(you: Person, name: str) -> None:
    assert parse_hub_name(name) is None
    sentence = f"{name}: it is no name on the Hub. Give OWNER/NAME, for example me/camel-wgangp\n"
    ran = you.zoo("pull", name)
    assert (ran.code, ran.err) == (3, sentence)
    called = you.python("-c", CALL, name)
    assert (called.code, called.out, called.err) == (3, sentence, "")


CALL = """
import sys
from zoo.errors import InputError
from zoo_hub.pull import pull
try:
    pull(sys.argv[1])
except InputError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@given(st.text("aZ0_.-", max_size=6), st.text("aZ0_.-git", max_size=6))
def test_every_name_that_is_taken_is_one_for_the_client(owner: str, name: str) -> None:
    try:
        validate_repo_id(f"{owner}/{name}")
    except HFValidationError:
        assert parse_hub_name(f"{owner}/{name}") is None
    else:
        assert parse_hub_name(f"{owner}/{name}@v1") == HubName(f"{owner}/{name}", "v1")


def test_a_mistyped_run_is_not_looked_for_on_the_hub(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(InputError) as caught:
        zoo_open_generator("runs/camel-wgangp-9")
    assert str(caught.value) == (
        "runs/camel-wgangp-9: there is no such folder in runs/, and with runs/ here the Hub is not asked. "
        "See `zoo list`, or get it from the Hub with `zoo pull runs/camel-wgangp-9`"
    )
    assert hub.log == []


def test_a_name_that_neither_the_disk_nor_the_hub_knows(hub: Hub, you: Person) -> None:
    code = (
        "from zoo.errors import NetworkError\n"
        "from zoo_hub.hooks import zoo_open_generator\n"
        "try:\n    zoo_open_generator('me/camel@v1')\n"
        "except NetworkError as error:\n    print(error)\n"
    )
    ran = you.python("-c", code)
    assert (ran.out, ran.err) == (
        f"me/camel@v1: there is no such folder here, and on the Hub: {hub.url} has no such repository, "
        "or it is private. Check the name, or set HF_TOKEN to a token that may read it\n",
        "",
    )


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
    config = GeneratorFolder.open(folder).config
    without = {name: record for name, record in config.files.items() if name != ONNX}
    GeneratorFolder.write(folder, {}, config.model_copy(update={"files": without}))
    pushed: list[GeneratorFolder] = []

    def export(without_onnx: GeneratorFolder) -> ExportReport:
        return ExportReport(without_onnx.add_files({ONNX: tiny_onnx(0)}), (), "a test")

    def publish(repo: str, generator: GeneratorFolder, _options: PushOptions) -> str:
        pushed.append(generator)
        return repo

    monkeypatch.setattr("zoo_export.export.export", export)
    monkeypatch.setattr("zoo_hub.push.push", publish)
    ran = CliRunner().invoke(push, ["me/camel", str(folder)], catch_exceptions=False)
    assert (ran.exit_code, ran.stdout, pushed) == (0, "me/camel\n", [GeneratorFolder.open(folder)])
    assert pushed[0].lists(ONNX)


def test_a_name_alone_is_one_of_the_default_owner(me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/lion", folder).code == 0
    drawn = me.python("-m", "zoo", "generate", "lion", "-n", "2", "--out", "lions.png", ZOO_HUB_OWNER="me")
    missing = me.python("-m", "zoo", "generate", "tiger", "-n", "2", ZOO_HUB_OWNER="me")
    wrong = me.python("-m", "zoo", "generate", "lion", "-n", "2", ZOO_HUB_OWNER="me and you")

    assert (drawn.code, drawn.out.strip()) == (0, "lions.png")
    assert missing.code == 6
    assert "me/tiger" in missing.err
    assert wrong.code == 3
    assert "ZOO_HUB_OWNER: 'me and you' is no owner on the Hub" in wrong.err


def test_a_hub_cannot_stand_in_for_what_comes_with_the_package(me: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel-gan", folder).code == 0
    drawn = me.python(
        "-m", "zoo", "generate", "camel-gan", "-n", "2", "--out", "camels.png", ZOO_HUB_OWNER="me"
    )
    described = me.python("-m", "zoo", "info", "camel-gan", ZOO_HUB_OWNER="me")

    assert drawn.code == 0
    assert "28 x 28" in drawn.err, "the package's own, not the tiny one that was published"
    assert "pretrained generator" in described.out
