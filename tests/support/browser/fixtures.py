"""A headless Chromium, and a page of two small generators with onnxruntime-web from a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.support.chromium import Chromium
from tests.support.browser.chromium import RUNTIME
from tests.support.handmade import build
from zoo_export.browser.page import make_page

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Write a grey and a colour generator; the second one's name is markup."""
    folder = tmp_path_factory.mktemp("models")
    grey, colour = build(), build(channels=3)
    colour.metadata_props.add(key="zoo.recipe", value="<b onclick=alert(1)>&amp;")
    paths = [folder / "hand.onnx", folder / "colour.onnx"]
    for path, model in zip(paths, (grey, colour), strict=True):
        path.write_bytes(model.SerializeToString())
    return list(map(str, paths))


@pytest.fixture(scope="module")
def files(models: list[str]) -> dict[str, bytes]:
    return make_page(models, Path(str(RUNTIME)))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Chromium) -> Chromium:
    """Give the one browser, with nothing asked for or complained about yet."""
    chromium.requests.clear()
    chromium.complaints.clear()
    chromium.look(1280)
    return chromium
