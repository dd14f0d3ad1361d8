"""A training on disk: its folder, its cadence, and the moments plugins are told of."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

from zoo import checkpoint
from zoo.atomic import write_atomic
from zoo.ema import calibrated
from zoo.errors import DivergedError
from zoo.evaluation import make_images, measure
from zoo.generators import to_uint8
from zoo.log import MetricsLog
from zoo.moments import tell
from zoo.pictures import grid, png
from zoo.recipe import write_toml
from zoo.runs import RECIPE, RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import nn

    from zoo.evaluation import Split
    from zoo.images import Images
    from zoo.plan import Plan
    from zoo.recipe import Recipe
    from zoo.signals import Stop
    from zoo.trainer import Trainer

Outcome = Literal["done", "stopped", "failed"]
SAMPLE_SEED = 0
SAMPLE_COUNT = 64
SAMPLE_CALIBRATION = 8
"""Batches behind a sample grid's batch-norm statistics: enough to look at, an eighth of what a measurement takes."""


@dataclass(frozen=True)
class Progress:
    """What happened at a step: its losses where a line was logged, its figure where it was measured."""

    step: int
    metrics: Mapping[str, float] | None = None
    value: float | None = None
    best: bool = False


class Run:
    """A run folder and the trainer that fills it.

    Attributes:
        path: the run folder.
        record: what `run.json` holds.
    """

    def __init__(
        self, path: Path, plan: Plan, images: Images, split: Split, trainer: Trainer, record: dict[str, Any]
    ) -> None:
        self.path = path
        self.plan = plan
        self.record = record
        self.outcome: Outcome | None = None
        self._images = images
        self._split = split
        self._trainer = trainer
        self._log = MetricsLog(path)
        self._seconds = 0.0
        self._best: tuple[int, float] | None = None

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe."""
        return self.plan.recipe

    @property
    def step(self) -> int:
        """How many generator steps have been made."""
        return self._trainer.step

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and figure of the best measurement so far."""
        return self._best

    def go(self, until: int, stop: Stop) -> Iterator[Progress]:
        """Train until `until` steps have been made or `stop` is set, yielding after each step.

        Raises:
            DivergedError: a loss or a weight is not finite; no checkpoint holds it.
            ResourceError: the disk refuses a file; earlier checkpoints are as they were.
        """
        checkpoint.sweep(self.path)
        write_atomic(self.path / RECIPE, write_toml(self.plan.resolved()))
        self._log.cut_back(self.step)
        self._note("running")
        self._moment("zoo_run_started")
        try:
            yield from self._steps(until, stop)
        except GeneratorExit:
            self._end("stopped")
            raise
        except BaseException:
            self._end("failed")
            raise
        self._end("stopped" if stop and self.step < until else "done")

    def _steps(self, until: int, stop: Stop) -> Iterator[Progress]:
        training = self.plan.training
        began = time.monotonic() - self._seconds
        window = (self.step, self._seconds)
        for step in self._trainer.steps(until):
            self._seconds = time.monotonic() - began
            self._log.add(step)
            number, last = step.number, step.number == until
            progress = Progress(number)
            if number % training.log_every == 0 or last:
                progress = Progress(number, self._write_losses(*window))
                window = (number, self._seconds)
            if self.plan.metric is not None and (number % training.eval_every == 0 or last):
                progress = self._evaluate(progress)
            if number % training.sample_every == 0 or last:
                self._save_samples()
            due = number % training.checkpoint_every == 0 or last or progress.best
            if due:
                self._save_checkpoint()
            yield progress
            if stop:
                if not due:
                    self._save_checkpoint()
                return

    def _write_losses(self, since: int, seconds: float) -> dict[str, float]:
        losses = self._log.means()
        images = (self.step - since) * self.plan.training.batch_size * self.plan.training.critic_steps
        speed = images / max(self._seconds - seconds, 1e-9)
        clock = {"seconds": round(self._seconds, 3), "images_per_second": round(speed, 1)}
        self._log.write({"step": self.step, **losses, **clock})
        self._moment("zoo_step_logged", step=self.step, metrics=losses)
        return {**losses, "images_per_second": speed}

    def _evaluate(self, progress: Progress) -> Progress:
        metric = self.plan.metric
        assert metric is not None
        self._refuse_divergence()
        training, latent_dim = self.plan.training, self.plan.architecture.latent_dim
        value = measure(
            metric, self._calibrated(), self._images, self._split, latent_dim, batch=training.batch_size
        )
        if not math.isfinite(value):
            raise DivergedError(
                f"step {self.step}: the metric {metric.name} is {value}. Look at samples/ and lower the learning rate"
            )
        best = self._best is None or (
            value > self._best[1] if metric.higher_is_better else value < self._best[1]
        )
        if best:
            self._best = (self.step, value)
        self._log.write({"step": self.step, metric.name: value, "best": best})
        self._moment("zoo_step_logged", step=self.step, metrics={metric.name: value})
        return Progress(progress.step, progress.metrics, value, best)

    def _save_samples(self) -> None:
        dim, batch = self.plan.architecture.latent_dim, self.plan.training.batch_size
        network = self._calibrated(SAMPLE_CALIBRATION)
        pictures = to_uint8(make_images(network, SAMPLE_SEED, SAMPLE_COUNT, dim, batch).numpy())
        write_atomic(self.path / "samples" / f"step-{self.step:06d}.png", png(grid(pictures)))

    def _calibrated(self, batches: int = 64) -> nn.Module:
        training = self.plan.training
        return calibrated(
            self._trainer.ema.module, self.plan.architecture.latent_dim, training.batch_size, batches
        )

    def _save_checkpoint(self) -> None:
        self._refuse_divergence()
        state = {
            "trainer": self._trainer.state_dict(),
            "log": self._log.state_dict(),
            "seconds": self._seconds,
            "best": self._best,
        }
        path = checkpoint.save_checkpoint(self.path, self.step, state)
        # First the record, then the pruning: what run.json names must be there at every moment.
        self._note("running")
        checkpoint.prune(self.path, self._best[0] if self._best else None)
        self._moment("zoo_checkpoint_saved", path=path)

    def load(self, state: dict[str, Any]) -> None:
        """Go back to a checkpoint, and drop what came after it."""
        self._trainer.load_state_dict(state["trainer"])
        checkpoint.drop_after(self.path, self.step)
        self._log.load_state_dict(state["log"])
        self._seconds = state["seconds"]
        self._best = tuple(state["best"]) if state["best"] else None

    def _refuse_divergence(self) -> None:
        self._log.check()
        for side, network in (("generator", self._trainer.generator), ("critic", self._trainer.critic)):
            for name, weight in network.named_parameters():
                if not bool(torch.isfinite(weight).all()):
                    raise DivergedError(
                        f"step {self.step}: the {side}'s weight {name} is not finite. Lower the learning rate with "
                        "--set optimizers.critic.learning_rate=..., and train again"
                    )

    def _note(self, state: str) -> None:
        best = {"step": self._best[0], "value": self._best[1]} if self._best else None
        self.record.update(state=state, step=self.step, seconds=round(self._seconds, 3), best=best)
        write_atomic(
            self.path / RECORD, (json.dumps(self.record, indent=2, ensure_ascii=False) + "\n").encode()
        )

    def _end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._note(outcome)
        self._moment("zoo_run_finished", outcome=outcome)

    def _moment(self, hook: str, **facts: Any) -> None:
        tell(hook, run=self, **facts)
