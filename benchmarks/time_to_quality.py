"""Seconds of training until the recipe's metric falls to a value: the zoo's loop and a plain one, in turns.

python -m benchmarks.time_to_quality --data cat.npy [--target 40] [--recipe camel-wgangp] [--block 20] [--limit 500]

Both are measured as they stand, without averaged weights; measuring does not count.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.support.machine import machine
from benchmarks.support.plain_loop import PlainLoop
from benchmarks.support.subjects import Subject
from zoo.training.device import choose_device, choose_precision

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


class Contender:
    """A loop, its generator, and the time it has taken."""

    def __init__(self, name: str, iteration: Callable[[], object], generator: nn.Module) -> None:
        self.name = name
        self._iteration = iteration
        self._generator = generator
        self.steps = 0
        self.seconds = 0.0
        self.figure = float("inf")

    def advance(self, block: int, subject: Subject) -> None:
        """Make a block of iterations, and measure."""
        began = time.perf_counter()
        for _ in range(block):
            self._iteration()
        self.seconds += time.perf_counter() - began
        self.steps += block
        self.figure = subject.figure(self._generator)
        print(f"| {self.name} | {self.steps} | {self.seconds:.0f} | {self.figure:.1f} |", flush=True)


def contenders(subject: Subject) -> list[Contender]:
    """Return both loops, on the same images from the same first weights."""
    device = choose_device("auto")
    precision = choose_precision("auto", device)
    trainer = subject.trainer(device, precision)
    plain = PlainLoop(subject.plan, subject.pixels[subject.split.training], device)
    with torch.no_grad():
        for mine, its in ((plain.generator, trainer.generator), (plain.critic, trainer.critic)):
            for weight, first in zip(mine.parameters(), its.parameters(), strict=True):
                weight.copy_(first)
    return [
        Contender("plain", plain.iteration, plain.generator),
        Contender(
            f"zoo, {precision}", lambda: float(trainer.train_step().losses["generator"]), trainer.generator
        ),
    ]


def main() -> None:
    """Print the course of both, and the ratio of their times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipe", default="camel-wgangp")
    parser.add_argument("--target", type=float, default=40.0)
    parser.add_argument("--block", type=int, default=20, help="steps between two measurements")
    parser.add_argument("--limit", type=int, default=500, help="steps after which to give up")
    arguments = parser.parse_args()
    subject = Subject(arguments.recipe, arguments.data)
    print("| loop | steps | seconds | metric |\n|---|---|---|---|")
    both = contenders(subject)
    while any(one.figure > arguments.target and one.steps < arguments.limit for one in both):
        for one in both:
            if one.figure > arguments.target and one.steps < arguments.limit:
                one.advance(arguments.block, subject)
    plain, ours = both
    if max(plain.figure, ours.figure) <= arguments.target:
        print(
            f"\n{plain.seconds:.0f} s against {ours.seconds:.0f} s: ratio {plain.seconds / ours.seconds:.2f}"
        )
    print(f"\n{arguments.recipe} on {arguments.data.name} until {arguments.target}; {machine()}")


if __name__ == "__main__":
    main()
