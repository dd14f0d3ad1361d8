"""Starting a sweep: its folder, held, and its record, once all of its runs have been checked."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.recipes.sweep import SEEDS_LIMIT, parse_axis
from zoo.recipes.tables import write_toml
from zoo.runs.claim import claimed, refuse_place
from zoo.runs.folder import RECIPE
from zoo.runs.lock import RUNS, command_line, starting
from zoo.sweeps.draft import drafted, refuse_set_and_swept
from zoo.sweeps.record import SweepRecord, SweptRun, write_sweep
from zoo.system.atomic import write_atomic
from zoo.system.signals import deferred

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from zoo.runs.options import TrainOptions
    from zoo.sweeps.draft import Draft


@dataclass(frozen=True)
class Wish:
    """What is to be swept, as people ask for it.

    Attributes:
        fields: `KEY=VALUE,VALUE`, see `zoo.recipes.sweep.parse_axis`.
        seeds: how many, from the recipe's on; None for the recipe's alone.

    Raises:
        InputError: `seeds` is no number from 1 to `SEEDS_LIMIT`.
    """

    fields: Sequence[str] = ()
    seeds: int | None = None

    def __post_init__(self) -> None:
        if self.seeds is not None and not 1 <= self.seeds <= SEEDS_LIMIT:
            raise InputError(f"--seeds {self.seeds}: it is not from 1 to {SEEDS_LIMIT}. Give another number")


@contextmanager
def started(
    recipe: str,
    changes: Sequence[str],
    wish: Wish,
    *,
    data: Path | None,
    out: Path | None,
    options: TrainOptions,
) -> Iterator[tuple[Path, SweepRecord]]:
    """Give the folder of a new sweep, held, and what it holds. A refused start leaves nothing behind.

    Raises:
        BusyError: another process is at work in `out`.
        ZooError: its subclasses say what is wrong with the recipe, what is swept, the data or the disk.
    """
    axes = [parse_axis(text) for text in wish.fields]
    refuse_set_and_swept(axes, changes)
    with ExitStack() as stack:
        if out is not None:
            refuse_place(out)
            stack.enter_context(claimed(out, fresh=not out.exists()))
        with starting(RUNS) if out is None else nullcontext():
            with deferred():
                from zoo.runs.new import claim_run_path
                from zoo.training.process_state import isolated
            with isolated(training=True):
                draft = drafted(recipe, changes, axes, wish.seeds, data, options)
            path = claim_run_path(f"{draft.plan.recipe.name}-sweep") if out is None else out
            if out is None:
                stack.enter_context(claimed(path, fresh=True))
        _refuse_without_room(path, draft)
        record = _record(draft, data, options)
        record.train_command = draft.command
        write_atomic(path / RECIPE, write_toml(draft.table))
        write_sweep(path, record)
        yield path, record


def _refuse_without_room(path: Path, draft: Draft) -> None:
    """Refuse a sweep for whose checkpoints there is no room, of all of its runs together."""
    from zoo.runs.checkpoints.clearing import KEEP
    from zoo.system.disk_space import refuse_without_room

    # Of each run the last ones and the best stay; one more is being written.
    refuse_without_room(path, draft.checkpoint_bytes, len(draft.runs) * (KEEP + 1) + 1)


def _record(draft: Draft, data: Path | None, options: TrainOptions) -> SweepRecord:
    return SweepRecord(
        format=1,
        recipe=draft.plan.recipe.name,
        started=datetime.now(UTC).isoformat(timespec="microseconds"),
        command=command_line(),
        runs=[SweptRun(folder=run.folder, changes=run.changes) for run in draft.runs],
        data=None if data is None else str(data.absolute()),
        preferred=list(draft.plan.preferred),
        device=options.device or "auto",
        precision=options.precision or "auto",
        eager=bool(options.eager),
        on_nan=options.on_nan,
    )
