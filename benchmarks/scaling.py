"""How training gets faster with a second process, and dearer with the batch and the size of the images.

python -m benchmarks.scaling [--rounds 5] [--batches 16 64 256 512] [--sizes 28 32 64 128] [--precision auto]

One process with one thread takes turns with two processes with one thread each; the one that waits sleeps. Both make
the same global batch, from random pixels.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from benchmarks.support.machine import machine
from benchmarks.support.subjects import plan_of
from zoo.data.sampler import Sampler
from zoo.distributed.group import join, leave
from zoo.distributed.torchrun import Rank
from zoo.plugins.planning import load_plan
from zoo.training.device import choose_device, choose_precision
from zoo.training.ranks import ALONE, Ranks
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from zoo.training.device import PrecisionChoice

RECIPE = "camel-wgangp"
WHOLE: tuple[str, ...] = ()
SHORT = ("training.critic_steps=1",)
"""One critic step and one generator step: enough to see how cost grows, at a third of the time."""
SIZE_BATCH = 16


@dataclass(frozen=True)
class Case:
    """What is trained: `--set` changes of the recipe, and the precision."""

    changes: tuple[str, ...]
    precision: PrecisionChoice

    def trainer(self, ranks: Ranks) -> Trainer:
        """Return a trainer on random pixels."""
        plan = plan_of(RECIPE, self.changes)
        pixels = torch.randint(0, 256, (1024, *plan.architecture.image_shape), dtype=torch.uint8)
        device = choose_device("cpu")
        precision = choose_precision(self.precision, device)
        return Trainer(plan, Sampler(pixels, torch.arange(1024), device), device, precision, ranks)

    @property
    def images(self) -> int:
        """Real images that one iteration sees."""
        training = load_plan(RECIPE, self.changes).training
        return training.batch_size * training.critic_steps


@dataclass(frozen=True)
class Timed:
    """Median seconds of an iteration."""

    one: float
    two: float

    @property
    def ratio(self) -> float:
        """How much faster two processes are."""
        return self.one / self.two


class Workers:
    """One process alone, and two that train together, asked in turns."""

    def __init__(self) -> None:
        context, port = multiprocessing.get_context("spawn"), _free_port()
        self._alone: list[Connection] = []
        self._pair: list[Connection] = []
        self._processes = []
        places = (None, Rank(0, 2, 0), Rank(1, 2, 1))
        for place, group in zip(places, (self._alone, self._pair, self._pair), strict=True):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(theirs, place, port), daemon=True)
            process.start()
            theirs.close()
            group.append(ours)
            self._processes.append(process)

    def timed(self, case: Case, rounds: int) -> Timed:
        """Return the medians of `rounds` turns, after one that is not counted."""
        for group in (self._alone, self._pair):
            _ask(group, case)
        turns = [(_ask(self._alone, None), _ask(self._pair, None)) for _ in range(rounds + 1)][1:]
        return Timed(*(statistics.median(column) for column in zip(*turns, strict=True)))

    def close(self) -> None:
        """End the processes."""
        for worker in (*self._alone, *self._pair):
            worker.close()
        for process in self._processes:
            process.join()


@contextmanager
def workers() -> Iterator[Workers]:
    """Give workers that end with the block."""
    made = Workers()
    try:
        yield made
    finally:
        made.close()


def serve(asked: Connection, place: Rank | None, port: int) -> None:
    """Make a trainer for each case that comes, and an iteration for each None; answer with its seconds."""
    torch.set_num_threads(1)
    ranks = ALONE if place is None else _joined(place, port)
    trainer: Trainer | None = None
    while True:
        try:
            case = asked.recv()
        except EOFError:
            leave()
            return
        began = time.perf_counter()
        if case is not None:
            trainer = None  # its memory first
            trainer = case.trainer(ranks)
        elif trainer is not None:
            float(trainer.train_step().losses["generator"])
        asked.send(time.perf_counter() - began)


def _joined(place: Rank, port: int) -> Ranks:
    loopback = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "RANK": place.rank, "WORLD_SIZE": place.size}
    os.environ.update({name: str(value) for name, value in loopback.items()})
    return join(place)


def _ask(group: list[Connection], case: Case | None) -> float:
    """Return how long the slowest of them took."""
    for worker in group:
        worker.send(case)
    return max(float(worker.recv()) for worker in group)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def table(title: str, cases: dict[str, Case], asked: Workers, rounds: int) -> None:
    """Print a line for each case as it is measured; the last column is the cost of an image in the first line's."""
    print(f"| {title} | 1 process, s | images/s | 2 processes, s | images/s | ratio | cost of an image |")
    print("|---|---|---|---|---|---|---|")
    first = 0.0
    for name, case in cases.items():
        found = asked.timed(case, rounds)
        each = found.one / case.images
        first = first or each
        print(
            f"| {name} | {found.one:.3f} | {case.images / found.one:.0f} | {found.two:.3f} "
            f"| {case.images / found.two:.0f} | {found.ratio:.2f} | {each / first:.2f} |",
            flush=True,
        )


def cases(arguments: Any) -> Iterator[tuple[str, dict[str, Case]]]:
    """Yield the title and the cases of each table."""
    precision: PrecisionChoice = arguments.precision
    yield f"`{RECIPE}`, whole iteration", {"as it is": Case(WHOLE, precision)}
    batches = {
        str(batch): Case((*SHORT, f"training.batch_size={batch}"), precision) for batch in arguments.batches
    }
    yield "batch, 1 + 1 steps", batches
    yield (
        f"image size, batch {SIZE_BATCH}, 1 + 1 steps",
        {f"{size} x {size}": Case(_sized(size), precision) for size in arguments.sizes},
    )


def _sized(size: int) -> tuple[str, ...]:
    """Return the changes that make the recipe's networks draw larger images with the same layers."""
    return (
        *SHORT,
        f"training.batch_size={SIZE_BATCH}",
        f"architecture.initial=[{size // 4}, {size // 4}, 64]",
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, nargs="*", default=[16, 32, 64, 128, 256, 512])
    parser.add_argument("--sizes", type=int, nargs="*", default=[28, 32, 64, 128])
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with workers() as asked:
        for title, rows in cases(arguments):
            if rows:
                table(title, rows, asked, arguments.rounds)
                print()
    chosen = choose_precision(arguments.precision, choose_device("cpu"))
    print(f"{chosen}, each process with 1 thread, medians of {arguments.rounds} in turns; {machine()}")


if __name__ == "__main__":
    main()
