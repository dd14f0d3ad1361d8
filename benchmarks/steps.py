"""How long a whole iteration takes (n critic steps and one generator step) in fp32 and in bf16, alternately.

python -m benchmarks.steps [--rounds 5] [RECIPE ...]
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING

import torch

from benchmarks.machine import machine
from zoo.device import choose_device
from zoo.plan import make_plan
from zoo.plugins import load_registry
from zoo.recipe import read_recipe
from zoo.trainer import Trainer

if TYPE_CHECKING:
    from zoo.device import Precision

PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16")
NOTES = ("camel-gan", "horse-wgan", "face-wgangp", "camel-wgangp")


def trainer(recipe: str, precision: Precision) -> Trainer:
    """Return a trainer on random pixels."""
    registry = load_registry()
    plan = make_plan(read_recipe(registry.recipe(recipe)), registry, recipe)
    pixels = torch.randint(0, 256, (1024, *plan.architecture.image_shape), dtype=torch.uint8)
    return Trainer(plan, pixels, torch.arange(1024), choose_device("auto"), precision)


def seconds(subject: Trainer) -> float:
    """Return how long one iteration takes; reading a loss waits for the device."""
    began = time.perf_counter()
    float(subject.train_step().losses["generator"])
    return time.perf_counter() - began


def main() -> None:
    """Print a table: medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(NOTES))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("| recipe | fp32, s | bf16, s | ratio | images/s, bf16 |\n|---|---|---|---|---|")
    for recipe in arguments.recipes:
        trainers = {precision: trainer(recipe, precision) for precision in PRECISIONS}
        for subject in trainers.values():
            seconds(subject)
        rounds = [
            {name: seconds(subject) for name, subject in trainers.items()} for _ in range(arguments.rounds)
        ]
        slow, fast = (statistics.median(row[name] for row in rounds) for name in PRECISIONS)
        training = trainers["bf16"].plan.training
        images = training.batch_size * training.critic_steps / fast
        print(f"| `{recipe}` | {slow:.2f} | {fast:.2f} | {slow / fast:.2f} | {images:.0f} |", flush=True)
    print(f"\n{machine()}; medians of {arguments.rounds}")


if __name__ == "__main__":
    main()
