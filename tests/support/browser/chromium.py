"""What tests of the play page in a browser need, and how they read it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from benchmarks.support.chromium import find_chromium

if TYPE_CHECKING:
    from benchmarks.support.chromium import Chromium

RUNTIME = os.environ.get("ZOO_ONNXRUNTIME_WEB")
NEEDED = [
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(RUNTIME is None, reason="ZOO_ONNXRUNTIME_WEB does not name the npm package"),
]
"""What tests in a browser need."""


def text(browser: Chromium, selector: str) -> str:
    return str(browser.evaluate(f"document.querySelector({selector!r}).textContent"))
