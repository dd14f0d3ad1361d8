"""The play page as people use it: by keyboard, with a screen reader, on a phone.

Set ZOO_ONNXRUNTIME_WEB to the npm package (`npm pack onnxruntime-web@1.30.0`, unpacked) to run these.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks.browser.play_page import (
    SAMPLES,
    pixels,
    served,
    state,
)
from tests.support.browser.chromium import NEEDED, RUNTIME, text
from zoo_export.browser.page import make_page

if TYPE_CHECKING:
    from benchmarks.support.chromium import Chromium

pytest_plugins = ["tests.support.browser.fixtures"]
pytestmark = NEEDED
TYPE = """(text => {
  const seed = document.getElementById('seed');
  seed.value = text;
  seed.dispatchEvent(new Event('input'));
})"""


def test_it_is_used_by_keyboard(browser: Chromium, files: dict[str, bytes]) -> None:
    with served(files) as url:
        state(browser, f"{url}#seed=5")
        order = []
        for _ in range(17):
            browser.press("Tab", 9)
            order.append(
                browser.evaluate("document.activeElement.id || document.activeElement.name || 'other'")
            )
            if order[-1] == "sample-0":
                browser.press("ArrowRight", 39)
                browser.wait("location.hash === '#seed=5&picture=1'")
            if order[-1] == "d1":
                browser.press("ArrowRight", 39)
                browser.wait("location.hash.endsWith('d1=0.1')")
            if order[-1] == "save-picture":
                browser.press("Enter", 13, "\r")
                browser.wait("document.getElementById('status').textContent.endsWith('saved as a PNG file.')")
                assert browser.evaluate("document.activeElement.id") == "save-picture", "it keeps the focus"
            if order[-1] == "reset":
                browser.press("Enter", 13, "\r")
    pictures = ["seed", "new", "copy", "sample-0", "sample-1", "save-picture", "save-all", "save-walk"]
    python = ["other"]  # the summary of the command
    controls = ["to", "play", "reset", "d1", "d2", "d3", "d4", "truncation"]
    assert order == [*pictures, *python, *controls]


def test_everything_that_takes_the_focus_has_a_name(browser: Chromium, files: dict[str, bytes]) -> None:
    with served(files) as url:
        state(browser, f"{url}#seed=5")
        nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    nameless = [
        node["role"]["value"]
        for node in nodes
        if not node["ignored"]
        and node["role"]["value"]
        in ("button", "textbox", "slider", "radio", "image", "progressbar", "DisclosureTriangle")
        and not node.get("name", {}).get("value")
    ]
    roles = [node["role"]["value"] for node in nodes if not node["ignored"]]
    assert roles.count("radio") == 2 * SAMPLES
    assert roles.count("slider") == 5
    assert roles.count("status") == 1
    assert nameless == []


def test_a_seed_that_is_none_is_said(browser: Chromium, files: dict[str, bytes]) -> None:
    with served(files) as url:
        state(browser, f"{url}#seed=5")
        browser.evaluate(f"{TYPE}('camel')")
        assert browser.evaluate("document.getElementById('seed').getAttribute('aria-invalid')") == "true"
        assert browser.evaluate("document.getElementById('seed-error').hidden") is False
        assert browser.evaluate("location.hash") == "#seed=5"
        browser.evaluate(f"{TYPE}('6')")
        browser.wait("location.hash === '#seed=6'")
        assert browser.evaluate("document.getElementById('seed-error').hidden") is True


def test_markup_in_a_name_is_text(browser: Chromium, files: dict[str, bytes]) -> None:
    with served(files) as url:
        state(browser, url)
        name = text(browser, ".generator:nth-of-type(2) .name")
        bold = browser.evaluate("document.querySelectorAll('b').length")
        title = browser.evaluate("document.title")
    assert name == "<b onclick=alert(1)>&amp;"
    assert title == f"hand and {name}"
    assert bold == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("count", [1, 3])
def test_it_fits(browser: Chromium, models: list[str], width: int, count: int) -> None:
    """Two of the same recipe are called by their paths, and these are long."""
    with served(make_page([models[0], *models][-count:], Path(str(RUNTIME)))) as url:
        browser.look(width)
        state(browser, url)
        assert browser.evaluate("[document.documentElement.scrollWidth, innerWidth]") == [width, width]


def test_on_a_phone_the_picture_stays_in_sight_of_the_sliders(
    browser: Chromium, files: dict[str, bytes]
) -> None:
    shown = "document.getElementById('mirror').checkVisibility()"
    with served(files) as url:
        browser.look(390)
        state(browser, url)
        assert browser.evaluate(shown) is False
        browser.evaluate("document.getElementById('truncation').scrollIntoView({block: 'center'})")
        browser.wait(shown)
        large, small = (pixels(browser, where, (1, 2, 3))[0] for where in (".large", "#mirror canvas"))
        browser.look(1280)
        browser.wait(f"!{shown}")
    assert np.array_equal(large, small)


def test_a_page_opened_as_a_file_says_what_to_do(
    browser: Chromium, files: dict[str, bytes], tmp_path: Path
) -> None:
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    browser.open((tmp_path / "index.html").as_uri())
    browser.wait("document.querySelector('.late')?.checkVisibility({visibilityProperty: true})", 20)

    assert "python -m http.server" in text(browser, ".late")
