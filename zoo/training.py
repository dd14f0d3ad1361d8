"""`zoo.train`: the whole training in one call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.harvest import harvested
from zoo.launch import new_run
from zoo.lock import held
from zoo.signals import stop_on_signals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from zoo.device import DeviceChoice, PrecisionChoice


def train(
    recipe: str,
    *,
    steps: int | None = None,
    seed: int | None = None,
    data: str | PathLike[str] | None = None,
    changes: Sequence[str] = (),
    out: str | PathLike[str] | None = None,
    device: DeviceChoice = "auto",
    precision: PrecisionChoice = "auto",
) -> Path:
    """Train a recipe and return the run folder, which holds the best generator under `generator/`.

    Seeds torch's global random numbers. Ctrl-C stops after the step that is being made and still returns the run.

    Args:
        recipe: a recipe's name, or the path of a TOML file.
        steps: generator steps, in place of the recipe's.
        seed: in place of the recipe's.
        data: a local `.npy`, folder or zip of images in place of the recipe's data.
        changes: `key.path=value` for any other field of the recipe.
        out: the run folder; without it `runs/<recipe>-<n>`.
        device: `auto`, `cpu`, `cuda` or `mps`.
        precision: `auto`, `fp32` or `bf16`.

    Raises:
        ZooError: its subclasses say what went wrong.
    """
    run = new_run(
        recipe,
        data=None if data is None else Path(data),
        changes=all_changes(changes, steps, seed),
        out=None if out is None else Path(out),
        device=device,
        precision=precision,
    )
    with held(run.path), stop_on_signals() as stop, harvested(run.path):
        for _ in run.go(run.plan.training.steps, stop):
            pass
    return run.path


def all_changes(changes: Sequence[str], steps: int | None, seed: int | None) -> list[str]:
    """Return `--set` changes with those that `--steps` and `--seed` stand for."""
    own = {"training.steps": steps, "training.seed": seed}
    return [*changes, *(f"{key}={value}" for key, value in own.items() if value is not None)]
