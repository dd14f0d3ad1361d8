"""`metrics.jsonl`: the run's figures, a line at a time, read from the device only when a line is due."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import torch

from zoo.atomic import disk_errors, write_atomic
from zoo.errors import DivergedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from zoo.trainer import Step

NAME = "metrics.jsonl"


class MetricsLog:
    """Gathers the losses of steps and writes their means."""

    def __init__(self, run: Path) -> None:
        self.path = run / NAME
        self._pending: list[tuple[int, dict[str, Tensor]]] = []

    def add(self, step: Step) -> None:
        """Remember a step's losses; nothing is read from the device yet."""
        self._pending.append((step.number, step.losses))

    def means(self) -> dict[str, float]:
        """Return each loss's mean over the remembered steps, and forget them.

        Raises:
            DivergedError: one was not finite, named with the first step and the loss it began with.
        """
        self.check()
        names = {name: None for _, losses in self._pending for name in losses}
        out: dict[str, float] = {}
        for name in names:
            values = [losses[name] for _, losses in self._pending if name in losses]
            out[name] = float(torch.stack([value.cpu() for value in values]).double().mean())
        self._pending.clear()
        return out

    def check(self) -> None:
        """Raise DivergedError when a remembered loss is not finite."""
        for number, losses in self._pending:
            # A sum is not finite because a part is: name the part.
            for name, value in sorted(losses.items(), key=lambda item: "." not in item[0]):
                if not math.isfinite(float(value)):
                    raise DivergedError(
                        f"step {number}: the loss {name} is {float(value)}. Lower the learning rate with --set "
                        "optimizers.critic.learning_rate=..., and train again"
                    )

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line."""
        with disk_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")

    def cut_back(self, step: int) -> None:
        """Drop the lines of steps after `step`: a resumed run writes them again."""
        if not self.path.exists():
            return
        kept = [line for line in self.path.read_text("utf-8").splitlines() if _step_of(line) <= step]
        write_atomic(self.path, "".join(f"{line}\n" for line in kept).encode())

    def state_dict(self) -> dict[str, Any]:
        """Return the steps remembered since the last line."""
        return {"pending": [[number, dict(losses)] for number, losses in self._pending]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self._pending = [(number, losses) for number, losses in state["pending"]]


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
