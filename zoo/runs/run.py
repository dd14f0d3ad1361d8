"""A training on disk: its folder, its cadence, and the events plugins are notified of."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, get_args

from zoo.errors import DivergedError, InputError, ZooError
from zoo.evaluation.monitor import Monitor
from zoo.generators.folder import GeneratorFolder, is_generator_folder
from zoo.generators.pictures import grid
from zoo.pace.cadence import Cadence
from zoo.pace.live import Live
from zoo.pace.progress import Progress
from zoo.recipes.recipe import parse_recipe
from zoo.recipes.tables import flattened, write_toml
from zoo.runs.checkpoints import clearing
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.checkpoints.run_state import check_run_state
from zoo.runs.folder import GENERATOR, RECIPE
from zoo.runs.metrics_log import Measured, MetricsLog
from zoo.runs.options import OnNan
from zoo.runs.record import Best, Divergence
from zoo.runs.rollback import SLOWER, describe, last_good, rollback_entry, slower_plan
from zoo.runs.saving import Reached, RunFiles, most_bytes
from zoo.system.atomic import write_atomic
from zoo.system.console import warn
from zoo.training.state_check import check_trainer_state

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from zoo.components import Plan
    from zoo.evaluation.measure import RealImages
    from zoo.pace.progress import Outcome
    from zoo.plugins.events import Events
    from zoo.recipes.recipe import Recipe
    from zoo.runs.checkpoints.nesting import State
    from zoo.runs.record import RunRecord, RunState
    from zoo.system.signals import Stop
    from zoo.training.trainer import Trainer

ENVIRONMENT = ("device", "hardware", "instruction_set", "threads", "precision", "ranks", "versions")


class Run:
    """A run folder and the trainer that fills it.

    Attributes:
        path: the run folder.
        facts: what `run.json` holds, typed.
        live: what its training is doing now.
    """

    def __init__(
        self, path: Path, plan: Plan, real: RealImages, trainer: Trainer, facts: RunRecord, events: Events
    ) -> None:
        self.path = path
        self.plan = plan
        self.facts = facts
        self.outcome: Outcome | None = None
        self._trainer = trainer
        self._events = events
        self._fingerprint = real.images.fingerprint
        self._monitor = Monitor(plan, real, trainer.ema.module)
        self._files = RunFiles(path, facts, threaded=trainer.device.type == "cuda")
        self._log = MetricsLog(path)
        self._images_per_step = plan.training.batch_size * plan.training.critic_steps
        self.live = Live(path, self._images_per_step)
        self._logged: int | None = 0
        """Bytes of the log that belong to the steps made; None once it has been cut back to them."""
        self._seconds = 0.0

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe: its tables have every field of their components."""
        return parse_recipe(self.plan.resolved(), self.plan.where)

    @property
    def id(self) -> str:
        """Digits that tell it from all others, the same whenever it goes on."""
        return "".join(filter(str.isdecimal, self.facts.started))

    @property
    def fields(self) -> dict[str, bool | int | float | str]:
        """The recipe's fields by their keys."""
        return flattened(self.recipe.model_dump(mode="json"))

    @property
    def record(self) -> dict[str, Any]:
        """What `run.json` holds, as the hooks read it."""
        return self.facts.as_dict()

    @property
    def step(self) -> int:
        """How many generator steps have been made."""
        return self._trainer.step

    @property
    def best(self) -> Measured | None:
        """Step and figure of the best measurement so far."""
        return self._log.best

    @property
    def uses_graph(self) -> bool:
        """Whether iterations are replayed from a CUDA graph."""
        return self._trainer.uses_graph

    @property
    def checkpoint_bytes(self) -> int:
        """How many bytes a checkpoint of this run may have, at most."""
        return most_bytes(self._state_with(self._trainer.grown_state_dict()), self.plan)

    @property
    def complete(self) -> bool:
        """Whether its last training came to its end and left a generator."""
        folder = self.path / GENERATOR
        done = self.facts.state == "done" and is_generator_folder(folder)
        return done and GeneratorFolder.open(folder).config.training.steps == self.step

    def go(self, until: int, stop: Stop, on_nan: OnNan = "stop") -> Generator[Progress]:
        """Train until `until` steps have been made or `stop` is set, yielding after each step.

        Args:
            until: steps in all.
            stop: looked at after each step, of which one is made unless a signal was there before.
            on_nan: whether a divergence ends the run, or sends it back to its last good checkpoint with half the
                learning rates, three times at most.

        Raises:
            DivergedError: a loss, a gradient or a weight is not finite; no checkpoint holds it.
            ResourceError: there is no room, or the disk refuses a file; earlier checkpoints are as they were.
        """
        if on_nan not in get_args(OnNan):
            raise InputError(f"on_nan: {on_nan!r} is neither stop nor rollback. Give one of them")
        clearing.sweep(self.path)
        self._files.refuse_without_room(self.checkpoint_bytes)
        self.facts.steps = until
        self.facts.clear_divergence()
        write_atomic(self.path / RECIPE, write_toml(self.plan.resolved()))
        self._note("running")
        self._drop_what_came_after()
        self._notify("zoo_run_started")
        try:
            if not checkpoints(self.path):
                self._save_checkpoint()
            while True:
                try:
                    yield from self._steps(until, stop)
                    self._files.wait()
                    break
                except DivergedError as error:
                    self._roll_back(error, on_nan)
        except GeneratorExit:
            self._stop_early()
            raise
        except BaseException as error:
            if isinstance(error, DivergedError):
                self.facts.divergence = Divergence(step=error.step, cause=error.cause)
            self._fail()
            raise
        self._end("stopped" if stop and self.step < until else "done")

    def _steps(self, until: int, stop: Stop) -> Iterator[Progress]:
        cadence = Cadence(self.plan.training, until)
        began = time.monotonic() - self._seconds
        self._log.start(self.step, self._seconds)
        if stop.signal is not None:
            return
        self.live.start(self.step, until, cadence)
        for step in self._trainer.steps(until):
            self._files.poll()
            self._seconds = time.monotonic() - began
            self._log.add(step)
            self.live.made(step.number)
            progress, saved = self._after(step.number, cadence)
            yield progress
            if stop:
                if not saved:
                    self._save_checkpoint()
                return

    def _after(self, step: int, cadence: Cadence) -> tuple[Progress, bool]:
        """Do what is due after a step, and return what there is to show of it and whether it was saved."""
        progress = Progress(step)
        if cadence.logs(step):
            progress = Progress(step, self._write_losses())
        if self.plan.metric is not None and cadence.measures(step):
            progress = self._evaluate(progress)
        if cadence.samples(step):
            self._save_samples()
        due = cadence.saves(step) or progress.best
        if due:
            self._save_checkpoint()
            cadence.saved()
        return progress, due

    def _write_losses(self) -> dict[str, float]:
        line = self._log.write_losses(self.step, self._seconds, self._images_per_step)
        self._notify("zoo_step_logged", step=self.step, metrics=line)
        return line

    def _evaluate(self, progress: Progress) -> Progress:
        metric = self.plan.metric
        assert metric is not None
        self._refuse_divergence()
        with self.live.busy(f"measuring {metric.name}"):
            value = self._monitor.value(self.step)
        best = self._log.write_figure(self.step, metric, value)
        seen = self._monitor.seen(self.step, self._trainer.critic)
        if seen is not None:
            self._files.save_probe(seen)
        self._notify("zoo_step_logged", step=self.step, metrics={metric.name: value})
        probe = None if seen is None else seen.probe
        self._notify("zoo_run_evaluated", step=self.step, value=value, best=best, probe=probe)
        return Progress(progress.step, progress.metrics, value, best)

    def _save_samples(self) -> None:
        self._refuse_divergence()
        with self.live.busy("drawing samples"):
            pictures = self._monitor.pictures(self.step)
            pictures.flags.writeable = False
            self._files.save_samples(self.step, pictures)
        if self._events.has("zoo_samples_drawn"):
            self._notify("zoo_samples_drawn", step=self.step, pictures=pictures, grid=grid(pictures))

    def _save_checkpoint(self) -> None:
        self.facts.cuda_graph = self.uses_graph
        with self.live.busy("saving a checkpoint"):
            self._files.save_checkpoint(self._reached(), self._state, self._checkpoint_saved)

    def _checkpoint_saved(self, path: Path) -> None:
        self._notify("zoo_checkpoint_saved", path=path)

    def _state(self) -> State:
        self._refuse_divergence()
        return self._state_with(self._trainer.state_dict())

    def _state_with(self, trainer: dict[str, Any]) -> State:
        return {
            "recipe": self.plan.resolved(),
            "fingerprint": self._fingerprint,
            "surroundings": {name: getattr(self.facts, name) for name in ENVIRONMENT},
            "trainer": trainer,
            "log": self._log.state_dict(),
            "seconds": self._seconds,
            "best": self.best,
        }

    def check(self, state: dict[str, Any]) -> None:
        """Raise ValueError, with a clause for people, where `state` is none that `load` can go back to."""
        check_run_state(state)
        check_trainer_state(self._trainer, state["trainer"])

    def load(self, state: dict[str, Any]) -> None:
        """Go back to a checkpoint; what came after it stays on the disk until the run goes on."""
        self._trainer.load_state_dict(state["trainer"])
        self._log.load_state_dict(state["log"])
        self._logged = state["log"]["offset"]
        self._seconds = state["seconds"]
        self._log.best = tuple(state["best"]) if state["best"] else None

    def _drop_what_came_after(self) -> None:
        clearing.drop_after(self.path, self.step)
        if self._logged is not None:
            self._log.cut_back(self._logged)
            self._logged = None

    def _refuse_divergence(self) -> None:
        self._log.check()
        broken = self._trainer.broken()
        if broken is not None:
            raise DivergedError(self.step, f"the weight {broken} is not finite")

    def _roll_back(self, error: DivergedError, on_nan: OnNan) -> None:
        """Go back to the newest good checkpoint with lower learning rates, or raise what happened."""
        if on_nan == "stop":
            raise error
        self._files.wait()
        plan = slower_plan(self.plan, error, len(self.facts.rollbacks))
        self.load(last_good(self.path, error, self.check))
        self._drop_what_came_after()
        self._trainer.slow_down(SLOWER)
        self.plan = plan
        # The recipe first: a resume after a kill between the two goes on with the lower rates.
        write_atomic(self.path / RECIPE, write_toml(plan.resolved()))
        rollback = rollback_entry(plan, error, self.step)
        self.facts.add_rollback(rollback)
        self._note("running")
        warn(f"{self.path}: {describe(rollback)}")
        self._notify("zoo_run_rolled_back", step=error.step)

    def _reached(self) -> Reached:
        best = Best(step=self.best[0], value=self.best[1]) if self.best else None
        return Reached(self.step, round(self._seconds, 3), best)

    def _note(self, state: RunState) -> None:
        self.facts.cuda_graph = self.uses_graph
        self._files.note(state, self._reached())

    def _stop_early(self) -> None:
        try:
            self._files.wait()
        except BaseException:
            self._fail()
            raise
        self._end("stopped")

    def _fail(self) -> None:
        self._files.close()
        self._end("failed")

    def _end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        try:
            # What ended a failed training is what people must read, not that the disk refuses the record too.
            with suppress(ZooError) if outcome == "failed" else nullcontext():
                self._note(outcome)
        finally:
            self.live.close()  # now that the record says how far it is
        self._notify("zoo_run_finished", outcome=outcome)

    def _notify(self, hook: str, **facts: Any) -> None:
        self._events.notify(hook, run=self, **facts)
