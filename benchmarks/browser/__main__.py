"""Does the play page show what Python makes? In a headless Chromium, with onnxruntime-web from a folder.

python -m benchmarks.browser NAME [NAME ...] --runtime FOLDER [--shots FOLDER] [--webgpu]

FOLDER is the npm package: npm pack onnxruntime-web@1.30.0. Ends with 1 when something is not as it should be.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import zoo
from benchmarks.browser.play_page import (
    FRAMES,
    SAMPLES,
    difference,
    distinct_while_playing,
    frames_of_the_gif,
    move,
    samples,
    served,
    state,
)
from benchmarks.support.chromium import WEBGPU, Chromium
from benchmarks.support.machine import machine
from zoo.generators.generator import to_uint8
from zoo.generators.latents import latents, walk
from zoo_export.browser.directions import Directions, pictures_needed, principal_directions
from zoo_export.browser.page import make_page
from zoo_export.runtime.model_file import check_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoo_export.runtime.session import OnnxGenerator

SEEDS = (0, 7, 2**64 - 1)
OFFSET = 2.5
LEVELS = 1
"""Of 255: how far a pixel may be from Python's."""


class Report:
    """Lines, and whether all is as it should be."""

    def __init__(self) -> None:
        self.failed = False

    def line(self, what: str, found: object, *, good: bool = True) -> None:
        """Print one."""
        self.failed |= not good
        print(f"{'' if good else 'WRONG: '}{what}: {found}", flush=True)


def check(
    report: Report, browser: Chromium, url: str, generators: Sequence[OnnxGenerator], query: str
) -> None:
    """Hold the page to Python: samples, truncation, sliders, walk, GIF."""
    for seed in SEEDS[1:2] if query else SEEDS:
        for truncation in (None, 0.7):
            more = "" if truncation is None else f"&truncation={truncation}"
            found = state(browser, f"{url}{query}#seed={seed}{more}")
            if found != "ready":
                words = browser.evaluate("document.getElementById('failure').textContent")
                report.line("page", words, good=False)
                return
            for index, generator in enumerate(generators):
                expected = generator.sample(SAMPLES, seed=seed, truncation=truncation)
                levels = difference(samples(browser, index, generator.image_shape), expected)
                report.line(
                    f"{generator.name}, seed {seed}, truncation {truncation}: levels of 255 from Python's",
                    levels,
                    good=levels <= LEVELS,
                )
    check_slider(report, browser, f"{url}{query}#seed=7", generators)
    seconds = 20 if query else 3
    distinct = distinct_while_playing(browser, seconds)
    report.line(f"different pictures in {seconds} s of the walk", distinct, good=distinct >= 5)
    check_gif(report, browser, f"{url}{query}#seed=7&to=8", generators)
    # Chromium's own words where there is no GPU.
    errors = [complaint for complaint in browser.complaints if complaint != "No available adapters."]
    report.line("errors and warnings in the console", errors or "none", good=not errors)
    beyond = [request for request in browser.requests if not request.startswith((url, f"blob:{url}"))]
    report.line(f"requests beyond the folder, of {len(browser.requests)}", beyond or "none", good=not beyond)


def directions_of(generator: OnnxGenerator) -> Directions:
    """Return the directions that the page's sliders follow."""
    work = check_model(generator.model, generator.name).cost(1).work
    return principal_directions(
        generator, pictures_needed(generator.latent_dim, work, math.prod(generator.image_shape))
    )


def check_slider(report: Report, browser: Chromium, url: str, generators: Sequence[OnnxGenerator]) -> None:
    state(browser, url)
    before = [samples(browser, index, one.image_shape) for index, one in enumerate(generators)]
    move(browser, "d1", OFFSET)
    for index, generator in enumerate(generators):
        after = samples(browser, index, generator.image_shape)
        z = latents(7, SAMPLES, generator.latent_dim)
        expected = to_uint8(generator.generate(z + np.float32(OFFSET) * directions_of(generator).vectors[0]))
        levels = difference(after, expected)
        moved = np.abs(after.astype(int) - before[index]).mean()
        report.line(
            f"{generator.name}: a slider moves pixels by, on average", f"{moved:.1f} of 255", good=moved > 1
        )
        report.line("... and is from Python's by", levels, good=levels <= LEVELS)


def check_gif(report: Report, browser: Chromium, url: str, generators: Sequence[OnnxGenerator]) -> None:
    """Hold the first generator's part of the GIF to Python's walk."""
    generator, count = generators[0], len(generators)
    state(browser, url)
    with tempfile.TemporaryDirectory() as folder:
        frames = frames_of_the_gif(browser, Path(folder))
    first, last = (latents(seed, 1, generator.latent_dim)[0] for seed in (7, 8))
    expected = to_uint8(generator.generate(walk(first, last, FRAMES)))
    _, height, width = generator.image_shape
    # Several are laid out in cells for the largest, with a gap of two of their own pixels around each.
    largest = max(max(one.image_shape[1:]) for one in generators)
    scale = frames[0].shape[0] // (largest if count == 1 else largest + 4)
    gap = 0 if count == 1 else 2 * scale
    inside = [frame[gap:, gap:][: scale * height : scale, : scale * width : scale] for frame in frames]
    report.line("frames of the GIF", len(frames), good=len(frames) == FRAMES)
    if generator.image_shape[0] == 1 and count == 1:
        levels = difference(np.stack(inside)[..., 0], expected)
        report.line("... and from Python's walk by", levels, good=levels <= LEVELS)
    else:  # a GIF has 256 colours a frame
        error = np.abs(np.stack(inside).astype(int) - _coloured(expected)).mean()
        report.line("... and from Python's walk by, on average", f"{error:.1f} of 255", good=error < 8)


def _coloured(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pictures if pictures.ndim == 4 else np.repeat(pictures[..., None], 3, axis=-1)


def python_milliseconds(generator: OnnxGenerator, threads: int | None) -> float:
    """Return the median time of one picture."""
    one, z = generator.using("cpu", threads), latents(0, 1, generator.latent_dim)
    times = []
    for _ in range(40):
        began = time.perf_counter()
        one.generate(z)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times[5:])


def compare_speed(report: Report, browser: Chromium, url: str, generators: Sequence[OnnxGenerator]) -> None:
    state(browser, url)
    shown = browser.evaluate("[...document.querySelectorAll('.latency')].map(one => one.textContent)")
    for generator, words in zip(generators, shown, strict=True):
        single, all_cores = (python_milliseconds(generator, threads) for threads in (1, None))
        report.line(
            f"{generator.name}: one picture",
            f"page {words}; Python {single:.1f} ms on one thread, {all_cores:.1f} ms on all",
        )


def shoot(report: Report, browser: Chromium, folder: Path) -> None:
    """Save screenshots of a phone and a desktop, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for width in (390, 1280):
        for dark in (False, True):
            browser.look(width, dark=dark, height=844 if width == 390 else 800)
            time.sleep(0.3)
            browser.screenshot(folder / f"{width}-{'dark' if dark else 'light'}.png")
            wide = browser.evaluate("document.documentElement.scrollWidth")
            report.line(f"width of the page in a window of {width}", wide, good=wide == width)


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", help="what `zoo demo` takes")
    parser.add_argument("--runtime", type=Path, required=True, help="the npm package onnxruntime-web")
    parser.add_argument("--shots", type=Path, help="where to put screenshots")
    parser.add_argument(
        "--webgpu", action="store_true", help="on a GPU that the processor imitates: one seed"
    )
    arguments = parser.parse_args()
    print(machine())
    generators: list[Any] = [zoo.load(name) for name in arguments.names]
    report = Report()
    query = "?on=webgpu" if arguments.webgpu else ""
    files = make_page(arguments.names, arguments.runtime)
    with served(files) as url, Chromium(*(WEBGPU if arguments.webgpu else ())) as browser:
        browser.look(1280)
        check(report, browser, url, generators, query)
        compare_speed(report, browser, f"{url}{query}#seed=7", generators)
        if arguments.shots:
            shoot(report, browser, arguments.shots)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
