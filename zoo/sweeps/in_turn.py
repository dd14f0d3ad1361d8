"""The runs of a sweep that is held, trained one after the other."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import NoMemoryError, ResourceError, ZooError, is_memory_error, kind_and_reason, quoted
from zoo.generators.command import with_changes
from zoo.runs.folder import RECIPE, is_run
from zoo.runs.session import Display, train_further, train_new
from zoo.sweeps.end import Ended
from zoo.sweeps.record import Failure, write_sweep
from zoo.sweeps.state import divergence_of, has_ended
from zoo.system.console import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zoo.pace.progress import Progress
    from zoo.runs.options import TrainOptions
    from zoo.runs.run import Run
    from zoo.sweeps.record import SweepRecord, SweptRun
    from zoo.system.signals import Stop

    MakeDisplay = Callable[[Path, int, int], Display]
    """Makes what shows the run in a folder, given its number, from 1 on, and how many runs there are."""

MINUTE = 60.0


class Sweep:
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
            command=with_changes(record.train_command, run.changes),
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
