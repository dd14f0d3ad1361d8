"""The trainings of the experiments: which there are, and making those that are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import zoo
from zoo.reports.read import read_history

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.history import History


@dataclass(frozen=True)
class Training:
    """A recipe with some changes."""

    recipe: str
    steps: int
    every: int
    """Steps between measurements."""
    changes: tuple[str, ...] = ()

    def settings(self) -> list[str]:
        """Return all changes to the recipe."""
        return [f"training.eval_every={self.every}", *self.changes]


TRANSPOSED = (
    "architecture.generator_upsample=[1,1,1,1]",
    "architecture.generator_strides=[2,2,1,1]",
)
TRAININGS = {
    "bce": Training("camel-gan", 600, 100),
    "clip": Training("camel-wgan", 300, 50),
    "penalty": Training("camel-wgangp", 300, 50),
    "transposed": Training("camel-wgangp", 300, 50, TRANSPOSED),
}


def run_of(folder: Path, name: str, seed: int) -> Path:
    """Return the run folder of a training with a seed."""
    return folder / f"{name}-{seed}"


def histories(folder: Path, name: str, seeds: int) -> list[History]:
    """Return what happened in a training with each of so many seeds; what is missing is trained, or resumed."""
    return [_history(folder, name, seed) for seed in range(seeds)]


def _history(folder: Path, name: str, seed: int) -> History:
    run, training = run_of(folder, name, seed), TRAININGS[name]
    if not (run / "run.json").exists():
        print(f"{run.name}: {training.steps} steps of {training.recipe}", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        zoo.train(training.recipe, steps=training.steps, seed=seed, changes=training.settings(), out=run)
    elif read_history(run).steps < training.steps:
        zoo.resume(run, steps=training.steps)
    return read_history(run)
