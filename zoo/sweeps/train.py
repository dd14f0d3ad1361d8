"""The runs of a sweep, trained one after the other."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.distributed.torchrun import refuse_ranks
from zoo.errors import (
    InputError,
    NoMemoryError,
    ResourceError,
    UsageError,
    ZooError,
    counted,
    is_memory_error,
    kind_and_reason,
    quoted,
)
from zoo.recipes.recipe import STEPS_LIMIT
from zoo.runs.folder import RECIPE, is_run
from zoo.runs.lock import held
from zoo.runs.session import Display, train_further, train_new
from zoo.sweeps.record import Failure, read_sweep, write_sweep
from zoo.sweeps.start import Wish, started
from zoo.sweeps.state import divergence_of, has_ended
from zoo.system.arguments import given_whole, shown
from zoo.system.console import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from zoo.pace.progress import Progress
    from zoo.runs.options import TrainOptions
    from zoo.runs.run import Run
    from zoo.sweeps.record import SweepRecord, SweptRun
    from zoo.system.signals import Stop

    MakeDisplay = Callable[[Path, int, int], Display]
    """Makes what shows the run in a folder, given its number, from 1 on, and how many runs there are."""

MINUTE = 60.0


class FailedRunsError(ZooError):
    """Some runs of a sweep failed; the exit code is that of the first."""

    def __init__(self, sweep: Path, failures: Mapping[str, Failure]) -> None:
        told = "; ".join(f"{name}: {failure.message}" for name, failure in failures.items())
        super().__init__(f"{sweep}: {counted(len(failures), 'run')} failed: {told}")
        self.exit_code = next(iter(failures.values())).exit_code


@dataclass(frozen=True)
class Ended:
    """How a sweep ended.

    Attributes:
        path: its folder.
        signal: what stopped it; None where it came to its end, or the time was up.
        left: how many runs have not come to their end.
        failures: by the folders of the runs that failed, why.
    """

    path: Path
    signal: int | None
    left: int
    failures: Mapping[str, Failure]


def train_sweep(
    recipe: str,
    changes: Sequence[str],
    wish: Wish,
    *,
    data: Path | None,
    out: Path | None,
    options: TrainOptions,
    make_display: MakeDisplay,
) -> Ended:
    """Train every run of a new sweep, and say how that ended; raises as `zoo.sweeps.start.started` does."""
    refuse_ranks("sweep")
    with started(recipe, changes, wish, data=data, out=out, options=options) as (path, record):
        return _Sweep(path, record, options, make_display).train()


def resume_sweep(
    path: Path,
    steps: int | None,
    changes: Sequence[str],
    options: TrainOptions,
    make_display: MakeDisplay,
) -> Ended:
    """Go on with the run that was stopped and those that have not begun; what came to its end is left alone.

    A run that diverged is tried again where `options` ask for rollbacks, and the sweep did not.

    Args:
        path: the folder of a sweep.
        steps: generator steps of each run in all, in place of the recipe's.
        changes: of other fields, which are refused: the runs of a sweep differ in what it sweeps alone.
        options: how to train; what they leave open is as before.
        make_display: makes what shows a run.

    Raises:
        BusyError: another process is at work in it.
        InputError: its `sweep.json` is wrong, or no recipe can have so many steps.
        UsageError: a change is asked for, or steps, and it sweeps them.
    """
    refuse_ranks(str(path))
    if steps is not None:
        steps = _fit_steps(steps)
    if changes:
        raise UsageError(
            f"--set {changes[0]}: {path} is a sweep, and its runs differ in nothing but what it sweeps. "
            "Resume one of its runs, or start a new sweep"
        )
    with held(path):
        record = read_sweep(path)
        if steps is not None:
            _refuse_swept_steps(path, record)
            record.steps = steps
        record.failures = {}
        write_sweep(path, record)
        return _Sweep(path, record, options, make_display).train()


def _fit_steps(steps: int) -> int:
    """Return Python's number for numpy's, too, which JSON does not take."""
    steps = given_whole(steps, "steps")
    if not 1 <= steps <= STEPS_LIMIT:
        raise InputError(f"steps: {shown(steps)} is not between 1 and {STEPS_LIMIT:,}. Give a number that is")
    return steps


def _refuse_swept_steps(path: Path, record: SweepRecord) -> None:
    if any(change.startswith("training.steps=") for run in record.runs for change in run.changes):
        raise UsageError(f"--steps: {path} sweeps training.steps. Resume one of its runs, or leave it out")


class _Sweep:
    """A sweep that is held, and trained."""

    def __init__(
        self, path: Path, record: SweepRecord, options: TrainOptions, make_display: MakeDisplay
    ) -> None:
        self._path = path
        self._record = record
        self._options = options
        self._make_display = make_display
        self._retries = options.on_nan == "rollback" and record.on_nan != "rollback"
        self._deadline: float | None = None

    def train(self) -> Ended:
        """Train what has not ended, one after the other."""
        runs, signal = self._record.runs, None
        for number, run in enumerate(runs, 1):
            if self._has_ended(run):
                continue
            if self._left_minutes() == 0:
                break
            signal = self._train(run, self._make_display(self._path / run.folder, number, len(runs)))
            if signal is not None:
                break
        failures = dict(self._record.failures)
        for run in runs:
            cause = divergence_of(self._path / run.folder)
            if cause is not None:
                failures.setdefault(run.folder, cause)
        left = sum(not self._has_ended(run) and run.folder not in failures for run in runs)
        return Ended(self._path, signal, left, failures)

    def _has_ended(self, run: SweptRun) -> bool:
        path = self._path / run.folder
        failed = divergence_of(path) is not None and not self._retries
        return failed or has_ended(path, self._record.steps)

    def _train(self, run: SweptRun, display: Display) -> int | None:
        """Train a run, and return the signal that stopped it; that it fails is said, and noted."""
        watched = _Watched(display, self._start_clock)
        try:
            self._go(run, watched)
        except NoMemoryError as error:
            self._note(run, _failure(error))
        except ResourceError:
            raise  # the next would meet the same
        except KeyboardInterrupt as error:
            raise type(error)(
                str(error) or f"what was trained is saved. Go on with `zoo resume {quoted(self._path)}`"
            ) from None
        except Exception as error:
            self._note(run, _failure(error))
        return watched.signal

    def _go(self, run: SweptRun, display: Display) -> None:
        path, record = self._path / run.folder, self._record
        steps = [] if record.steps is None else [f"training.steps={record.steps}"]
        on_nan = record.on_nan if self._options.on_nan == "stop" else self._options.on_nan
        options = replace(self._options, on_nan=on_nan, minutes=self._left_minutes())
        if is_run(path):
            train_further(path, steps, options, display)
            return
        options = replace(
            options,
            device=options.device or record.device,
            precision=options.precision or record.precision,
            eager=record.eager if options.eager is None else options.eager,
        )
        train_new(
            self._path / RECIPE,
            [*run.changes, *steps],
            data=None if record.data is None else Path(record.data),
            out=path,
            options=options,
            display=display,
            preferred=record.preferred,
        )

    def _note(self, run: SweptRun, failure: Failure) -> None:
        warn(f"{self._path / run.folder}: it failed: {failure.message}")
        self._record.failures = {**self._record.failures, run.folder: failure}
        write_sweep(self._path, self._record)

    def _start_clock(self) -> None:
        """Let the time that was given begin with the first step of the first run."""
        if self._options.minutes is not None and self._deadline is None:
            self._deadline = time.monotonic() + MINUTE * self._options.minutes

    def _left_minutes(self) -> float | None:
        """Return what is left of the time that was given, 0 where it is up; None where none was."""
        if self._deadline is None:
            return self._options.minutes
        return max(0.0, (self._deadline - time.monotonic()) / MINUTE)


class _Watched(Display):
    """Passes on what it is shown, and remembers the signal that stopped the training."""

    def __init__(self, inner: Display, begins: Callable[[], None]) -> None:
        self._inner = inner
        self._begins = begins
        self.signal: int | None = None

    def opened(self, run: Run) -> None:
        self._inner.opened(run)

    @contextmanager
    def watching(self, run: Run, /) -> Iterator[None]:
        with self._inner.watching(run):
            yield

    def show(self, run: Run, steps: Iterator[Progress], /) -> None:
        self._begins()
        self._inner.show(run, steps)

    def failed(self, run: Run) -> None:
        self._inner.failed(run)

    def ended(self, run: Run, stop: Stop) -> None:
        self.signal = stop.signal
        self._inner.ended(run, stop)


def _failure(error: Exception) -> Failure:
    if isinstance(error, ZooError):
        return Failure(message=str(error), exit_code=error.exit_code)
    if is_memory_error(error):
        return Failure(message="there is not enough memory", exit_code=5)
    return Failure(message=kind_and_reason(error), exit_code=1)
