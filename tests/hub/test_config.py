"""A hostile config.json: refused at once, with nothing imported and nothing else fetched."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.hub.folder import make_config, make_folder
from tests.support.hub.publish import publish, put
from tests.support.hub.pulls import Pulls
from zoo.errors import InputError
from zoo.generators.files import CONFIG
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]


def changed(**fields: Any) -> str:
    """Return a good configuration's JSON with some fields replaced or added."""
    return json.dumps({**make_config().model_dump(mode="json"), **fields})


ARCHITECTURE = make_config().architecture.model_dump(mode="json")
GOOD = changed()
AT_LEAST, AT_MOST = "Input should be greater than or equal to", "Input should be less than or equal to"
INTEGER = "Input should be a valid integer"
HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "brackets": ("[" * 100_000, "it is nested too deeply"),
    "closed brackets": ("[" * 100_000 + "]" * 100_000, "it is nested too deeply"),
    "braces": ('{"a":' * 100_000, "it is nested too deeply"),
    "deep field": (changed(x=0).replace('"x": 0', '"x": ' + "[" * 99_999), "it is nested too deeply"),
    "NaN": (changed(latent_dim=float("nan")), "it holds NaN, which is no number"),
    "NaN in a field": (
        changed(architecture={**ARCHITECTURE, "fields": {"x": float("nan")}}),
        "it holds NaN, which is no number",
    ),
    "1e999": (GOOD.replace("61.5", "1e999"), "it holds 1e999, which is no finite number"),
    "twice": (GOOD[:-1] + ', "format": 1}', "it has 'format' twice"),
    "twice inside": (GOOD.replace('"step": 200', '"step": 1, "step": 200'), "it has 'step' twice"),
    "os:system": (
        changed(architecture="os:system"),
        "architecture: Input should be an object",
    ),
    "os:system as a name": (
        changed(architecture={**ARCHITECTURE, "name": "os:system"}),
        r"architecture.name: String should match pattern '^[\w. +-]{1,100}$'",
    ),
    "auto_map": (
        changed(auto_map={"AutoModel": "evil.Model"}),
        "it has 'auto_map', which asks for code to be loaded, and a generator needs none",
    ),
    "auto_map inside": (
        changed(architecture={**ARCHITECTURE, "fields": {"auto_map": "evil"}}),
        "it has 'auto_map', which asks for code to be loaded, and a generator needs none",
    ),
    "trust_remote_code": (
        changed(trust_remote_code=True),
        "it has 'trust_remote_code', which asks for code to be loaded, and a generator needs none",
    ),
    "10^9": (changed(latent_dim=10**9), f"latent_dim: {AT_MOST} 4096"),
    "-1": (changed(latent_dim=-1), f"latent_dim: {AT_LEAST} 1"),
    "true": (changed(latent_dim=True), f"latent_dim: {INTEGER}"),
    '"100"': (changed(latent_dim="100"), f"latent_dim: {INTEGER}"),
    "huge picture": (changed(image_shape=[3, 10**9, 10**9]), f"image_shape.1: {AT_MOST} 2048"),
    "huge integer": (
        GOOD.replace('"seed": 7', '"seed": ' + "7" * 5000),
        "it holds an integer of 5000 digits",
    ),
    "escape": (changed(recipe="\x1b[2J"), "'recipe' holds a control character"),
    "surrogate": (changed(recipe="\ud800"), "'recipe' holds half of a character"),
    "not UTF-8": (GOOD.encode() + b"\xff", "it is not UTF-8 text"),
    "format 0": (changed(format=0), "format: Input should be 1"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_configuration_is_refused_at_once(tmp_path: Path, case: str) -> None:
    text, reason = HOSTILE[case]
    (tmp_path / CONFIG).write_bytes(text if isinstance(text, bytes) else text.encode())
    start = time.process_time()
    with pytest.raises(InputError) as error:
        GeneratorFolder.open(tmp_path)
    assert time.process_time() - start < 1
    assert str(error.value) == f"{tmp_path / CONFIG}: {reason}. Get the generator again"


def test_what_people_add_is_let_be(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(changed(note="Ein Kamel,\n\tgezeichnet. ラクダ", layers=[[[1]]]))
    assert GeneratorFolder.open(tmp_path).config == make_config()


def test_a_hostile_configuration_on_the_hub(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    evil = "import pathlib; pathlib.Path('ran').touch()"
    put(hub, {"evil.py": evil.encode(), "zoo_foo.py": evil.encode()})
    with Pulls(you) as pull:
        assert pull().code == 0
        for text, reason in HOSTILE.values():
            put(hub, {CONFIG: text if isinstance(text, bytes) else text.encode()})
            before = len(hub.log)
            outcome = pull()
            assert (outcome.code, outcome.said) == (
                3,
                f"me/camel: {CONFIG}: {reason}. It is no generator of a zoo: check the name",
            )
            assert outcome.seconds < 1
            assert {entry.path.rpartition("/")[2] for entry in hub.log[before:]} == {"camel", CONFIG}
    assert not list(you.home.rglob("ran"))
    assert not list(you.home.rglob("*.py"))


def test_a_component_that_is_not_installed_is_named_with_its_provider(
    hub: Hub, you: Person, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "generator")
    foreign = {**ARCHITECTURE, "name": "x", "provider": {"distribution": "zoo-foo", "version": "0.3"}}
    own = json.loads((folder / CONFIG).read_bytes())
    (folder / CONFIG).write_text(json.dumps({**own, "architecture": foreign}))
    publish(hub, folder)
    ran = you.zoo("pull", "me/camel", "--with", "weights")
    assert ran.code == 0
    assert ran.err.splitlines()[0] == (
        "me/camel: its weights need architecture 'x' from zoo-foo 0.3, which is not installed; "
        "making pictures does not"
    )
    assert "zoo-foo" not in you.zoo("pull", "me/camel").err
