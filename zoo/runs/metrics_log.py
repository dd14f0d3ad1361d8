"""`metrics.jsonl`: the run's figures, a line at a time, read from the device only when a line is due."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch

from zoo.errors import DivergedError
from zoo.runs.folder import METRICS
from zoo.system.atomic import disk_errors, sync_file
from zoo.system.console import warn
from zoo.system.regular_files import open_regular, open_to_append
from zoo.system.strict_json import objects_in_lines
from zoo.training.step import GRADIENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zoo.components import Metric
    from zoo.training.step import Step

LOG_LIMIT = 256 << 20
LINES_LIMIT = LOG_LIMIT // 64
"""More than so many bytes hold of lines that the zoo writes."""
Measured = tuple[int, float]
"""Step and figure of a measurement."""


def figure_at(run: Path, name: str, step: int) -> float | None:
    """Return the figure of a step by its name, None where it was not measured then.

    Of a log of more than `LOG_LIMIT` bytes the end is read.
    """
    path = run / METRICS
    found = None
    with suppress(FileNotFoundError), open_regular(path, links=False) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_LIMIT))
        for entry in objects_in_lines(file, lines=LINES_LIMIT, size=LOG_LIMIT):
            value = entry.get(name)
            if entry.get("step") == step and isinstance(value, int | float):
                found = float(value)
    return found


class MetricsLog:
    """Gathers the losses of steps and writes their means, and writes what the metric measured.

    Attributes:
        best: step and figure of the best measurement so far.
    """

    def __init__(self, run: Path) -> None:
        self.path = run / METRICS
        self._unread: list[Step] = []
        self._pending: list[tuple[int, dict[str, float]]] = []
        self._line = (0, 0.0)
        self.best: Measured | None = None

    def add(self, step: Step) -> None:
        """Remember a step's losses; nothing is read from the device yet."""
        self._unread.append(step)

    def means(self) -> dict[str, float]:
        """Return each figure's mean over the remembered steps, and forget them.

        Raises:
            DivergedError: one was not finite, named with the first step and the loss it began with.
        """
        self.check()
        gathered: dict[str, list[float]] = {}
        for _, figures in self._pending:
            for name, value in figures.items():
                gathered.setdefault(name, []).append(value)
        self._pending.clear()
        return {name: math.fsum(values) / len(values) for name, values in gathered.items()}

    def check(self) -> None:
        """Read the remembered steps from the device, all at once; raise DivergedError when one is not finite."""
        if not self._unread:
            return
        steps, self._unread = self._unread, []
        tensors = [value for step in steps for _, value in step.scalars]
        values = iter(torch.stack(tensors).tolist() if tensors else ())
        for step in steps:
            scalars = [(name, next(values)) for name, _ in step.scalars]
            self._pending.append((step.number, _averaged(scalars, step.number)))

    def start(self, step: int, seconds: float) -> None:
        """Count the speed of the next line from here on: a step, and the seconds trained so far."""
        self._line = (step, seconds)

    def write_losses(self, step: int, seconds: float, images_per_step: int) -> dict[str, float]:
        """Write the means, the seconds trained so far and the speed since the last line; return all of it.

        Raises as `means` and `write` do.
        """
        losses = self.means()
        since, before = self._line
        self.start(step, seconds)
        speed = (step - since) * images_per_step / max(seconds - before, 1e-9)
        line = {**losses, "seconds": round(seconds, 3), "images_per_second": round(speed, 1)}
        self.write({"step": step, **line})
        return line

    def write_figure(self, step: int, metric: Metric, value: float) -> bool:
        """Write what a metric measured, and return whether it is the best so far.

        Raises as `write` does, and DivergedError where the figure is no number.
        """
        if not math.isfinite(value):
            raise DivergedError(step, f"the metric {metric.name} is {value}")
        best = self.best is None or (
            value > self.best[1] if metric.higher_is_better else value < self.best[1]
        )
        if best:
            self.best = (step, value)
        self.write({"step": step, metric.name: value, "best": best})
        return best

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line whole, or leave the file as it was.

        Raises:
            ResourceError: the disk refuses it.
        """
        data = (json.dumps(line, allow_nan=False) + "\n").encode()
        before = self._size()
        try:
            with disk_errors(self.path, len(data)), open_to_append(self.path) as file:
                file.write(data)
        except BaseException:
            with suppress(OSError):
                self._truncate(before)
            raise

    def cut_back(self, offset: int) -> None:
        """Drop what was written after the first `offset` bytes: a resumed run writes it again."""
        size = self._size()
        if size < offset:
            warn(f"{self.path}: {offset - size} bytes of its end are lost. The training goes on without them")
            offset = _whole_lines(self.path)
        if size > offset:
            with disk_errors(self.path):
                self._truncate(offset)

    def state_dict(self) -> dict[str, Any]:
        """Return the steps remembered since the last line, and how long the file is, which is then on the disk."""
        self.check()
        if self.path.exists():
            with disk_errors(self.path):
                sync_file(self.path)
        return {"pending": self._pending, "offset": self._size()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was taken; the file stays as it is until `cut_back`."""
        self._unread = []
        self._pending = [(number, figures) for number, figures in state["pending"]]

    def _truncate(self, size: int) -> None:
        with open_to_append(self.path) as file:
            file.truncate(size)

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0


def _whole_lines(path: Path) -> int:
    """Return how many bytes the whole lines of a file have; memory does not grow with the file."""
    end = whole = 0
    with open_regular(path) as file:
        while piece := file.read(1 << 20):
            newline = piece.rfind(b"\n")
            whole = end + newline + 1 if newline >= 0 else whole
            end += len(piece)
    return whole


def _averaged(scalars: list[tuple[str, float]], step: int) -> dict[str, float]:
    """Return a step's figures by name, each averaged over the critic's steps; all must be finite."""
    gathered: dict[str, list[float]] = {}
    for name, value in scalars:
        if not math.isfinite(value):
            raise DivergedError(step, _cause(name, value, scalars))
        gathered.setdefault(name, []).append(value)
    return {name: math.fsum(values) / len(values) for name, values in gathered.items()}


def _cause(name: str, value: float, scalars: list[tuple[str, float]]) -> str:
    side, _, what = name.partition(".")
    if what != GRADIENT:
        return f"the loss {name} is {value}"
    parts = [part for part, _ in dict(scalars).items() if part.startswith(f"{side}.") and part != name]
    return f"the {side}'s gradient is {value}, though its loss is a number ({', '.join(parts)})"
