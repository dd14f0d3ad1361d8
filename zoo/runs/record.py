"""`run.json`, typed: what is known of a training."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import InputError, by_reason, refuse_newer, some
from zoo.generators.config import COMMAND, DataRecord
from zoo.runs.lock import RECORD, RUNS, is_sweep, name_one_of, near_runs
from zoo.system.atomic import write_atomic
from zoo.system.console import warn
from zoo.system.regular_files import UnfitFileError, read_regular
from zoo.system.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

RECORD_LIMIT = 1 << 20
"""Bytes of `run.json`: it has 2,000, and a few more for each resume."""
FORMAT = 1
RunState = Literal["running", "done", "stopped", "failed"]
"""`running` stays where a process was killed."""


class _Part(BaseModel):
    # A key that another version wrote is kept when the file is written again.
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class RunData(DataRecord):
    """What a run learns from."""

    model_config = ConfigDict(extra="allow")


class Best(_Part):
    """The best measurement so far."""

    step: int = Field(ge=0)
    value: float


class Divergence(_Part):
    """Where numbers were no longer finite."""

    step: int = Field(ge=0)
    cause: str


class Rollback(_Part):
    """A return to a checkpoint after a divergence."""

    step: int = Field(ge=0)
    """Where the run diverged."""
    cause: str
    back_to: int = Field(ge=0)
    """The step of the checkpoint that it went on from."""
    learning_rates: dict[str, float]
    """Of `critic` and `generator`, from there on."""


class Change(_Part):
    """What a resume changed in the recipe."""

    step: int = Field(ge=0)
    fields: dict[str, list[Any]]
    """For each field by its path in the recipe, the value before and the value after."""


class RunRecord(_Part):
    """What `run.json` holds, in the order in which it is written.

    Fields that have a default here are absent from the files of some versions, or until something happens.
    """

    format: Literal[1] = 1
    recipe: str
    started: str
    """When, in ISO 8601."""
    command: list[str] = []
    train_command: str | None = Field(default=None, pattern=COMMAND)
    """With which the same can be trained again, but for its steps; releases up to 0.2.0 wrote none."""
    seed: int = Field(default=0, ge=0)
    device: str
    hardware: str = ""
    instruction_set: str = ""
    threads: int = Field(default=0, ge=0)
    precision: str
    ranks: int = Field(default=1, ge=1)
    versions: dict[str, str] = {}
    eager: bool = False
    data: RunData
    metric: str | None = None
    protocol: str | None = None
    """One line: how the metric is measured."""
    higher_is_better: bool | None = None
    """Whether the metric rises with quality; releases up to 0.2.0 did not say."""
    steps: int = Field(default=0, ge=0)
    """How many it was asked for last."""
    state: RunState = "running"
    step: int = Field(default=0, ge=0)
    """Generator steps at its last checkpoint, or at its end."""
    seconds: float = Field(default=0.0, ge=0)
    best: Best | None = None
    cuda_graph: bool = False
    rollbacks: list[Rollback] = []
    divergence: Divergence | None = None
    """What ended it, where something that was not finite did."""
    changes: list[Change] = []

    def clear_divergence(self) -> None:
        """Forget what ended it: it goes on."""
        if self.divergence is not None:
            self.divergence = None

    def add_rollback(self, rollback: Rollback) -> None:
        """Append a rollback."""
        self.rollbacks = [*self.rollbacks, rollback]

    def add_change(self, change: Change) -> None:
        """Append a change; a resume that was killed before its first checkpoint has recorded it already."""
        if self.changes[-1:] != [change]:
            self.changes = [*self.changes, change]

    def as_dict(self) -> dict[str, Any]:
        """Return what the file holds: fields that nobody set are left out."""
        return self.model_dump(mode="json", exclude_unset=True)


def read_record(run: Path) -> RunRecord:
    """Return a run's `run.json`.

    Raises:
        InputError: it is missing or not JSON, or a field is missing or wrong.
    """
    path = run / RECORD
    if run.is_file():
        raise InputError(f"{run}: it is a file, and a run is a folder. Give that")
    try:
        record = parse_object(read_regular(path, RECORD_LIMIT))
    except FileNotFoundError:
        if is_sweep(run):
            raise InputError(f"{run}: it is a sweep, and no run. {name_one_of(run)}") from None
        advice = near_runs(run) or f"See which there are under {RUNS}/"
        raise InputError(f"{run}: it holds no {RECORD}, so it is no run. {advice}") from None
    except UnfitFileError as error:
        raise InputError(f"{path}: {error.strerror}. Restore it or start a new run") from error
    except OSError as error:
        raise InputError(
            f"{path}: it cannot be read: {error.strerror}. Restore it or start a new run"
        ) from error
    except ValueError as error:
        raise InputError(f"{path}: {error}. Restore it or start a new run") from error
    refuse_newer(path, record.get("format"), FORMAT)
    try:
        return RunRecord.model_validate(record)
    except ValidationError as error:
        raise InputError(f"{path}: {_explained(error)}. Restore it or start a new run") from None


def read_records(runs: Iterable[Path]) -> dict[Path, RunRecord]:
    """Return the `run.json` of each run; those that cannot be read are named in a warning for each reason."""
    found: dict[Path, RunRecord] = {}
    damaged: list[tuple[str, str]] = []
    for path in runs:
        try:
            found[path] = read_record(path)
        except InputError as error:
            damaged.append((str(path / RECORD), str(error)))
    for names, reason in by_reason(damaged):
        warn(f"{some(names)}: {reason}. {'It is' if len(names) == 1 else 'They are'} left out")
    return found


def write_record(run: Path, record: RunRecord) -> None:
    """Write a run's `run.json`, whole or not at all.

    Raises:
        ResourceError: it cannot be written; the one that was there stays.
    """
    text = json.dumps(record.as_dict(), indent=2, ensure_ascii=False)
    write_atomic(run / RECORD, f"{text}\n".encode())


def _explained(error: ValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "missing":
        return f"it lacks {first['loc'][-1]!r}"
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
