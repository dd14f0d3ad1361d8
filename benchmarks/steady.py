"""What a long training costs beside its steps: memory at every fiftieth step, and the share of the live display.

python -m benchmarks.steady [--steps 500] [--recipe camel-gan] [--set KEY=VALUE]
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

os.environ["FORCE_COLOR"] = "1"  # the display is live also where stderr is a file

import torch  # noqa: F401 - loaded before memory is looked at
from rich.progress import Progress as Bar

from benchmarks.machine import machine
from zoo.cli.display import show
from zoo.launch import new_run
from zoo.signals import Stop

if TYPE_CHECKING:
    from collections.abc import Generator

    from zoo.progress import OnNan, Progress
    from zoo.run import Run

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
            if progress.step % EVERY == 0:
                self.memory[progress.step] = resident()
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


def resident() -> float:
    """Return the MiB resident now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def main() -> None:
    """Print both, and fail where memory grows by 8 MiB or the display takes one hundredth of the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--recipe", default="camel-gan")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    # With samples and an evaluation before every mark, as a training has them now and then.
    often = [f"training.{what}={EVERY}" for what in ("sample_every", "eval_every", "checkpoint_every")]
    quiet = ["data.bundled=true", f"training.steps={arguments.steps}", *often, *arguments.changes]
    drawn = Refreshes()
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(Bar, "refresh", lambda bar: drawn.refresh(bar)),
    ):
        run = new_run(arguments.recipe, changes=quiet, out=Path(folder) / "run")
        watched = Watched(run)
        began = time.perf_counter()
        with mock.patch.object(run, "go", watched.go):
            show(run, arguments.steps, Stop(), "stop")
        seconds = time.perf_counter() - began
    print("| step | resident, MiB |\n|---|---|")
    for step, memory in watched.memory.items():
        print(f"| {step} | {memory:.1f} |")
    share = (watched.outside + drawn.seconds) / seconds
    later = [memory for step, memory in watched.memory.items() if step > EVERY]
    grown = max(later) - later[0]
    print(
        f"\ndisplay: {100 * share:.2f} % of {seconds:.0f} s; memory after step {2 * EVERY}: +{grown:.1f} MiB"
    )
    print(f"\n{arguments.recipe}; {machine()}")
    if share >= 0.01 or grown >= 8:
        raise SystemExit("the display or the memory takes more than it may")


if __name__ == "__main__":
    main()
