"""Whether bf16 trains as well as fp32: the recipe's metric after as many steps, over a few seeds.

python -m benchmarks.precision_quality --data cat.npy [--steps 150] [--seeds 3] [--set training.batch_size=32]
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from benchmarks.support.machine import machine
from benchmarks.support.subjects import Subject
from zoo.training.device import Precision, choose_device

PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")


def figure(subject: Subject, precision: Precision, steps: int) -> float:
    """Train and return the metric of the averaged generator."""
    trainer = subject.trainer(choose_device("auto"), precision)
    for _ in trainer.steps(steps):
        pass
    return subject.figure(trainer.ema.module)


def main() -> None:
    """Print a table, and fail where bf16's mean lies more than fp32's standard deviation above fp32's mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--recipe", default="camel-wgangp")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    found: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    print(f"| seed | {' | '.join(PRECISIONS)} |\n|---|---|---|")
    for seed in range(arguments.seeds):
        changes = [*arguments.changes, f"training.seed={seed}"]
        subject = Subject(arguments.recipe, arguments.data, changes)
        for precision in PRECISIONS:
            found[precision].append(figure(subject, precision, arguments.steps))
        print(f"| {seed} | {' | '.join(f'{found[name][-1]:.1f}' for name in PRECISIONS)} |", flush=True)
    means = {name: statistics.mean(values) for name, values in found.items()}
    spread = statistics.stdev(found["fp32"])
    print(f"| mean | {means['fp32']:.1f} (deviation {spread:.1f}) | {means['bf16']:.1f} |")
    print(f"\n{arguments.recipe} on {arguments.data.name}, {arguments.steps} steps; {machine()}")
    if means["bf16"] > means["fp32"] + spread:
        raise SystemExit("bf16 is worse than fp32 by more than fp32's standard deviation")


if __name__ == "__main__":
    main()
