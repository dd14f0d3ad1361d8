"""What is published stands beside what is here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.hub.publish import publish
from zoo.generators.files import ONNX
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]


def test_a_name_on_the_hub_says_what_its_folder_says(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    config = GeneratorFolder.open(folder).config

    ran = you.python(
        "-m", "zoo", "compare", "me/camel", str(folder), "--json", "--html", str(you.home / "page.html")
    )

    assert ran.code == 0
    published, here = (row["entries"][0] for row in json.loads(ran.out)["rows"])
    assert (published["kind"], here["kind"]) == ("name", "generator")
    for field in ("recipe", "seed", "step", "seconds", "hardware", "latent_dim", "onnx_bytes"):
        assert published[field] == here[field], field
    assert published["onnx_bytes"] == config.files[ONNX].size
    assert (you.home / "page.html").read_text().count("data:image/png") >= 1
