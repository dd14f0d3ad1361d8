"""Holding a run folder first, and only then importing torch to train in it, from its start or further."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from zoo.distributed.torchrun import this_rank
from zoo.errors import ZooError, quoted
from zoo.runs.claim import claimed, refuse_place
from zoo.runs.folder import is_run, latest_run, refuse_starting
from zoo.runs.lock import RUNS, held, starting
from zoo.system.arguments import given_whole, given_words
from zoo.system.signals import deferred, interrupt, stop_on_signals
from zoo.training.ranks import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from zoo.pace.progress import Progress
    from zoo.runs.options import TrainOptions
    from zoo.runs.run import Run
    from zoo.system.signals import Stop
    from zoo.training.ranks import Ranks

MAKING = "making the generator"
"""What a training is doing once it has ended."""


class Display:
    """What a training shows while it lasts; this one shows nothing."""

    def opened(self, run: Run) -> None:
        """Look at a run before it trains; what is raised here leaves it as it is."""

    @contextmanager
    def watching(self, _run: Run, /) -> Iterator[None]:
        """Be there from the first step until the generator is written."""
        yield

    def show(self, _run: Run, steps: Iterator[Progress], /) -> None:
        """Go through all steps, which is what makes them."""
        for _ in steps:
            pass

    def ended(self, run: Run, stop: Stop) -> None:
        """Look at a run whose generator is written; it is still held."""

    def failed(self, run: Run) -> None:
        """Look at a run that an error ended, before that is raised."""


def train_new(
    recipe: str | Path,
    changes: Sequence[str],
    *,
    data: Path | None,
    out: Path | None,
    options: TrainOptions,
    display: Display,
    preferred: Sequence[str] = (),
    command: str | None = None,
) -> Path:
    """Train a recipe to its end, or until a signal, write the generator and return the run folder."""
    with _started(
        recipe, changes, data=data, out=out, options=options, preferred=preferred, command=command
    ) as run:
        _train(run, options, display)
    return run.path


def train_further(path: Path | None, changes: Sequence[str], options: TrainOptions, display: Display) -> Path:
    """Train a run (without a path the latest) further, write the generator and return the run folder."""
    with _reopened(path, changes, options) as run:
        _train(run, options, display)
    return run.path


def _train(run: Run, options: TrainOptions, display: Display) -> None:
    with deferred():
        from zoo.runs.generator.write import writing_generator

    display.opened(run)
    with stop_on_signals() as stop, closing(run.live):
        if options.minutes is not None:
            stop.after(60 * options.minutes)
            run.live.deadline = stop.deadline
        until, tick = run.plan.training.steps, _ending(run, stop)
        try:
            with (
                display.watching(run),
                writing_generator(run.path, tick),
                closing(run.go(until, stop, options.on_nan)) as steps,
            ):
                display.show(run, steps)
        except ZooError:
            display.failed(run)
            raise
        display.ended(run, stop)


def _ending(run: Run, stop: Stop) -> Callable[[int, int], None]:
    """Return what is called while the generator is made: it says how far that is, and lets a signal end it."""
    path = quoted(run.path)

    def tick(done: int, of: int) -> None:
        if not done:
            stop.stage = "ending"
            run.live.begin(MAKING)
        elif done < of:
            run.live.note(f"{MAKING}, {100 * done // of} %")
        if stop.left_out is not None:
            interrupt(
                stop.left_out if stop.signal is None else stop.signal,
                f"step {run.step} is saved, and no generator is made from it. Make it with `zoo export {path} --onnx "
                f"--checkpoint best`, or go on with `zoo resume {path}`",
            )
        if done == of:
            stop.stage = "written"

    return tick


@contextmanager
def _started(
    recipe: str | Path,
    changes: Sequence[str],
    *,
    data: Path | None,
    out: Path | None,
    options: TrainOptions,
    preferred: Sequence[str],
    command: str | None,
) -> Iterator[Run]:
    """Give a new run, held; see `zoo.runs.new.new_run`. A refused start leaves nothing behind.

    Raises:
        BusyError: another process trains in `out`.
        InputError: `out` holds something, or the recipe, a component or the data is wrong.
    """
    with ExitStack() as stack:
        ranks = stack.enter_context(_ranks())
        if out is not None:
            refuse_place(out)
            stack.enter_context(claimed(out, fresh=not out.exists()))
        with deferred():
            from zoo.runs.new import new_run
            from zoo.training.process_state import isolated

        stack.enter_context(isolated(training=True))
        with starting(RUNS) if out is None else nullcontext():
            run = new_run(
                recipe,
                changes,
                data=data,
                out=out,
                options=replace(options, ranks=ranks),
                preferred=preferred,
                command=command,
            )
            if out is None:
                stack.enter_context(claimed(run.path, fresh=True))
        ranks.note_run(run.path)
        yield run


@contextmanager
def _reopened(path: Path | None, changes: Sequence[str], options: TrainOptions) -> Iterator[Run]:
    """Give an existing run (without a path the latest), held, at its newest good checkpoint.

    See `zoo.runs.resume.reopen`.
    """
    with _ranks() as ranks:
        path = path or latest_run()
        refuse_starting(path)
        if not is_run(path):
            _refuse_no_run(path)
        with held(path):
            with deferred():
                from zoo.runs.resume import reopen
                from zoo.training.process_state import isolated

            ranks.note_run(path)
            with isolated(training=True):
                yield reopen(path, changes, replace(options, ranks=ranks))


@contextmanager
def _ranks() -> Iterator[Ranks]:
    """Give the ranks that train together if torchrun started several; else this one, alone."""
    if this_rank() is None:
        yield ALONE
        return
    with deferred():
        from zoo.distributed.leader import leading

    with leading() as group:
        yield group


def all_changes(changes: Sequence[str], steps: int | None, seed: int | None) -> list[str]:
    """Return `--set` changes with those that `--steps` and `--seed` stand for.

    Raises:
        InputError: one of them is no whole number, or the changes are no list of texts.
    """
    own = {"steps": steps, "seed": seed}
    numbers = {name: given_whole(value, name) for name, value in own.items() if value is not None}
    changed = given_words(changes, "changes", "training.steps=500")
    return [*changed, *(f"training.{name}={number}" for name, number in numbers.items())]


def _refuse_no_run(path: Path) -> None:
    """Say what is wrong with a folder that holds no `run.json`; whoever has one is held before that is read."""
    from zoo.runs.record import read_record

    read_record(path)
