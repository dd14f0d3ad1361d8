"""Screenshots of reports, of a run that is healthy, one that collapsed and one that diverged, in a headless Chromium.

python -m benchmarks.browser.reports --shots FOLDER

Trains the three (discs of 16 x 16, a minute or two), opens each report.html as a phone and a desktop, light and dark.
Ends with 1 where the console complains, the page asks for anything beyond its file, or is wider than the window.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.support.chromium import Chromium
from tests.support.sick.trainings import HEALTHY, SICK, train
from zoo.reports.page import write_report

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = {
    "healthy": HEALTHY["wgan-gp"],
    "collapsed": SICK["mode-collapse"],
    "diverged": SICK["divergence"],
}
SIZES = ((390, 844), (1280, 800))
"""Windows, width and height in pixels."""
LOADED = "document.readyState === 'complete' && [...document.images].every(one => one.complete)"
BROKEN = "[...document.images].filter(one => !one.naturalWidth).length"
WIDTH = "document.documentElement.scrollWidth"


def faults(browser: Chromium, report: Path, shots: Path) -> Iterator[str]:
    """Open a report in each window, save what is seen, and yield what is wrong."""
    browser.requests.clear()
    browser.complaints.clear()
    url = report.resolve().as_uri()
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            browser.look(width, dark=scheme == "dark", height=height)
            browser.open(url)
            browser.wait(LOADED)
            name = f"{report.parent.parent.name}-{width}-{scheme}.png"
            browser.screenshot(shots / name)
            if broken := browser.evaluate(BROKEN):
                yield f"{name}: {broken} pictures are not shown"
            if (wide := browser.evaluate(WIDTH)) > width:
                yield f"{name}: the page is {wide} pixels wide"
    yield from (f"console: {complaint}" for complaint in browser.complaints)
    beyond = {
        one for one in browser.requests if one not in (url, "about:blank") and not one.startswith("data:")
    }
    yield from (f"asks for {one}" for one in sorted(beyond))


def report_of(name: str, folder: Path) -> Path:
    """Train a case in an empty folder and return its report."""
    folder.mkdir()
    train(CASES[name], folder)
    return write_report(folder / "run")


def main() -> None:
    """Print what is wrong with each report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shots", type=Path, required=True, help="where to put screenshots")
    arguments = parser.parse_args()
    arguments.shots.mkdir(parents=True, exist_ok=True)
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder, Chromium() as browser:
        for name in CASES:
            report = report_of(name, Path(folder) / name)
            wrong = list(faults(browser, report, arguments.shots))
            print(
                f"{name}: {report.stat().st_size:,} bytes, {'; '.join(wrong) or 'nothing wrong'}", flush=True
            )
            found += wrong
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
