"""What stands between the steps of a run, and which part of its time that takes.

python -m benchmarks.gpu.cadence [RECIPE] [--data PATH] [--steps 1000] [--whole 6000] [--iteration MS]

A run is made at the recipe's cadence with a clock around each of its lines, measurements, grids and checkpoints. The
first of each, which finds the caches empty, does not count, and neither do the first iterations. The share is that of
a run of `--whole` steps, whose iterations take as long as here, or `--iteration` milliseconds on a machine that this
one stands for.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.support.machine import machine
from zoo.evaluation.monitor import SAMPLE_CALIBRATION
from zoo.runs.new import new_run
from zoo.runs.run import Run
from zoo.system.signals import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = {
    "_write_losses": ("lines of losses", "log_every"),
    "_save_samples": ("sample grids", "sample_every"),
    "_evaluate": ("measurements", "eval_every"),
    "_save_checkpoint": ("checkpoints", "checkpoint_every"),
}


FIRST = 100
"""Iterations that are made kernel by kernel, recorded and compared: they take as long as hundreds of later ones."""


class Clock:
    """Times methods of a run from the outside, and counts what they sync to the disk.

    Whoever works on a thread is timed for as long as it keeps the training waiting.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.synced: Counter[str] = Counter()
        self._inside: str | None = None

    def watch(self) -> None:
        """Begin: for the life of the process."""
        for name in KINDS:
            setattr(Run, name, self._timed(name, getattr(Run, name)))
        sync = os.fsync

        def counted(file: Any) -> None:
            self.synced[self._inside or "on the thread, or at the end"] += 1
            sync(file)

        setattr(os, "fsync", counted)  # noqa: B010  # mypy refuses the plain assignment

    @property
    def between(self) -> float:
        """Seconds so far."""
        return sum(map(sum, self.seconds.values()))

    def _timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            settle()
            began, before = time.perf_counter(), self._inside
            self._inside = KINDS[name][0]
            try:
                return method(*given, **named)
            finally:
                self._inside = before
                self.seconds[name].append(time.perf_counter() - began)

        return timed


def settle() -> None:
    """Wait until the device has made its steps: what they take is not what the line after them takes."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def table(clock: Clock, run: Run, whole: int, iteration: float) -> list[str]:
    """Return the rows: how often in the whole run, milliseconds each, part of the run."""
    training = run.plan.training
    found, total = [], 0.0
    for name, (words, every) in KINDS.items():
        often = whole // getattr(training, every)
        taken = clock.seconds[name]
        each = statistics.median(taken[1:] or taken)
        share = often * each / (whole * iteration)
        total += share
        synced = clock.synced[words] / len(taken)
        found.append(f"| {words} | {often} | {1e3 * each:.1f} | {synced:.1f} | {100 * share:.1f} % |")
    return [*found, f"| all | | | | {100 * total:.1f} % |"]


def pictures(run: Run) -> str:
    """Return how many pictures a grid and a measurement generate."""
    batch = run.plan.training.batch_size
    return (
        f"a grid generates {SAMPLE_CALIBRATION} batches of {batch} for batch norm's statistics and 64 pictures; a "
        f"measurement 64 batches and what run.json's protocol says: {run.facts.protocol}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", nargs="?", default="camel-wgangp")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--whole", type=int, default=6000)
    parser.add_argument("--iteration", type=float, help="milliseconds; as measured here without it")
    parser.add_argument("--set", action="append", default=[], dest="changes")
    arguments = parser.parse_args()
    clock = Clock()
    clock.watch()
    with tempfile.TemporaryDirectory() as folder:
        run = new_run(
            arguments.recipe, data=arguments.data, changes=arguments.changes, out=Path(folder) / "run"
        )
        began = time.perf_counter()
        first, warm, before = 0, began, 0.0
        for made, _ in enumerate(run.go(arguments.steps, Stop()), 1):
            if made == min(FIRST, arguments.steps // 2):
                settle()
                first, warm, before = made, time.perf_counter(), clock.between
        settle()
        ended = time.perf_counter()
    seconds = ended - began
    here = (ended - warm - (clock.between - before)) / (arguments.steps - first)
    iteration = here if arguments.iteration is None else arguments.iteration / 1e3
    print(
        f"`{arguments.recipe}`: {arguments.steps} steps in {seconds:.1f} s, an iteration in {1e3 * here:.2f} ms"
    )
    print(f"of {arguments.whole} steps whose iterations take {1e3 * iteration:.2f} ms:\n")
    print("| between steps | times | ms each | files synced each | of the iterations' time |")
    print("|---|---|---|---|---|")
    print("\n".join(table(clock, run, arguments.whole, iteration)))
    state = run.checkpoint_bytes / 2**20
    print(f"\n{pictures(run)}. A checkpoint copies {state:.1f} MiB from the device.\n{machine()}")


if __name__ == "__main__":
    main()
