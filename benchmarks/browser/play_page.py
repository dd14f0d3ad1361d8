"""The play page in a browser, as a person uses it: opened, clicked, and read back pixel by pixel."""

from __future__ import annotations

import base64
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageSequence

from zoo_export.browser.server import PageServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.support.chromium import Chromium

SAMPLES, FRAMES = 12, 48
SECONDS = 300.0
"""That an imitated GPU may take for all pictures, or a walk."""
SHOWN = "document.getElementById('status')?.textContent.startsWith('Seed')"
READY = "['ready', 'failed'].includes(document.body?.dataset.state)"
PIXELS = """(canvas => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let text = ''; for (const level of data) text += String.fromCharCode(level); return btoa(text);
})"""


@contextmanager
def served(files: Mapping[str, bytes]) -> Iterator[str]:
    """Serve a page's files and give their address."""
    with PageServer(files, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def state(browser: Chromium, url: str) -> str:
    """Open the page and return its state once all samples are painted, or it failed."""
    browser.open(url)
    browser.wait(READY)
    found = str(browser.evaluate("document.body.dataset.state"))
    if found == "ready":
        browser.wait(SHOWN, SECONDS)
    return found


def pixels(browser: Chromium, selector: str, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return what canvases show, as `Generator.sample` does: (N, H, W) or (N, H, W, 3)."""
    found = browser.evaluate(f"[...document.querySelectorAll({selector!r})].map({PIXELS})")
    channels, height, width = shape
    images = np.frombuffer(b"".join(map(base64.b64decode, found)), np.uint8).reshape(-1, height, width, 4)
    return images[..., 0] if channels == 1 else images[..., :3]


def samples(browser: Chromium, index: int, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return the samples that the page shows of one generator."""
    return pixels(browser, f".generator:nth-of-type({index + 1}) .sample canvas", shape)


def move(browser: Chromium, slider: str, value: float) -> None:
    """Move a slider as a person does, and wait for the pictures."""
    browser.evaluate("document.getElementById('status').textContent = ''")
    browser.evaluate(
        f"(slider => {{ slider.value = {value}; slider.dispatchEvent(new Event('input')) }})"
        f"(document.getElementById({slider!r}))"
    )
    # A slider is not announced; what repaints is.
    browser.evaluate("dispatchEvent(new Event('hashchange'))")
    browser.wait(SHOWN, SECONDS)


def click(browser: Chromium, button: str) -> None:
    """Click a button."""
    browser.evaluate(f"document.getElementById({button!r}).click()")


def difference(found: NDArray[np.uint8], expected: NDArray[np.uint8]) -> int:
    """Return how many levels the two differ at most."""
    if found.shape != expected.shape:
        raise ValueError(f"pictures {found.shape} instead of {expected.shape}")
    return int(np.abs(found.astype(int) - expected).max())


def downloaded(browser: Chromium, button: str, folder: Path) -> Path:
    """Click a button that saves a file, and return that file; `folder` holds no other."""
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    click(browser, button)
    end = time.monotonic() + SECONDS
    # The browser writes it under another name first.
    while not (found := [path for path in folder.iterdir() if path.suffix in (".png", ".gif")]):
        if time.monotonic() > end:
            raise TimeoutError(f"{button}: no file came")
        time.sleep(0.05)
    return found[0]


def frames_of_the_gif(browser: Chromium, folder: Path) -> list[NDArray[np.uint8]]:
    """Download the walk and return its frames (H, W, 3)."""
    with Image.open(downloaded(browser, "save-walk", folder)) as gif:
        return [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)]


def distinct_while_playing(browser: Chromium, seconds: float) -> int:
    """Play the walk and return how many different large pictures were seen."""
    click(browser, "play")
    seen = set()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.add(browser.evaluate(f"{PIXELS}(document.querySelector('.large'))"))
    click(browser, "play")
    return len(seen)
