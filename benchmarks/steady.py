"""What a training costs beside its steps: the peak of its memory at every fiftieth, and the live display's share.

python -m benchmarks.steady [--steps 500] [--recipe camel-gan] [--set KEY=VALUE]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

os.environ["FORCE_COLOR"] = "1"  # the display is live also where stderr is a file

from rich.progress import Progress as Bar

from benchmarks.peak_memory import peak_resident
from benchmarks.support.machine import machine
from zoo.cli.screen.display import Screen
from zoo.runs.new import new_run
from zoo.system.signals import Stop

if TYPE_CHECKING:
    from collections.abc import Generator

    from zoo.pace.progress import Progress
    from zoo.runs.options import OnNan
    from zoo.runs.run import Run

EVERY = 50


class Watched:
    """A run that notes its memory, and how long it waits for whoever looks on between two steps."""

    def __init__(self, run: Run) -> None:
        self._go = run.go
        self.memory: dict[int, float] = {}
        self.outside = 0.0

    def go(self, until: int, stop: Stop, on_nan: OnNan) -> Generator[Progress]:
        """Do as the run does."""
        for progress in self._go(until, stop, on_nan):
            if progress.step % EVERY == 0 and progress.step < until:
                self.memory[progress.step] = peak_resident()
            began = time.perf_counter()
            yield progress
            self.outside += time.perf_counter() - began


class Refreshes:
    """How long the display's own thread draws."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._refresh = Bar.refresh

    def refresh(self, bar: Bar) -> None:
        """Draw, and count the processor's time."""
        began = time.thread_time()
        self._refresh(bar)
        self.seconds += time.thread_time() - began


def main() -> None:
    """Print both, and fail where memory grows by 8 MiB or the display takes one hundredth of the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--recipe", default="camel-gan")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    # An evaluation comes and goes with memory of its own; the last one is after the last mark.
    often = [f"training.{what}={EVERY}" for what in ("sample_every", "checkpoint_every")]
    seldom = f"training.eval_every={10 * arguments.steps}"
    quiet = ["data.bundled=true", f"training.steps={arguments.steps}", seldom, *often, *arguments.changes]
    drawn = Refreshes()
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(Bar, "refresh", lambda bar: drawn.refresh(bar)),
    ):
        run = new_run(arguments.recipe, changes=quiet, out=Path(folder) / "run")
        watched = Watched(run)
        began = time.perf_counter()
        Screen(sys.stdout).show(run, watched.go(arguments.steps, Stop(), "stop"))
        seconds = time.perf_counter() - began
    print("| step | peak so far, MiB |\n|---|---|")
    for step, memory in watched.memory.items():
        print(f"| {step} | {memory:.1f} |")
    share = (watched.outside + drawn.seconds) / seconds
    peaks = list(watched.memory.values())
    grown = peaks[-1] - peaks[1]
    print(
        f"\ndisplay: {100 * share:.2f} % of {seconds:.0f} s; memory after step {2 * EVERY}: +{grown:.1f} MiB"
    )
    print(f"\n{arguments.recipe}; {machine()}")
    if share >= 0.01 or grown >= 8:
        raise SystemExit("the display or the memory takes more than it may")


if __name__ == "__main__":
    main()
