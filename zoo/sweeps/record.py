"""`sweep.json`, typed: what is swept, and what became of runs that could not begin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import InputError, refuse_newer
from zoo.generators.config import COMMAND
from zoo.recipes.sweep import RUNS_LIMIT
from zoo.runs.lock import SWEEP
from zoo.runs.options import OnNan
from zoo.system.atomic import write_atomic
from zoo.system.regular_files import UnfitFileError, read_regular
from zoo.system.strict_json import parse_object

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
SWEEP_LIMIT = 1 << 20
"""Bytes of `sweep.json`: 200 runs of three fields each have 60,000."""
_Folder = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9=,.+_-]{0,99}$")]
"""The name of a folder, and no path."""


class _Part(BaseModel):
    # A key that another version wrote is kept when the file is written again.
    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)


class SweptRun(_Part):
    """One training of a sweep."""

    folder: _Folder
    changes: tuple[str, ...]
    """`key=value` of what is swept, the seed included."""


class Failure(_Part):
    """Why a run ended, or could not begin."""

    message: str
    exit_code: int = Field(ge=1, le=255)


class SweepRecord(_Part):
    """What `sweep.json` holds, in the order in which it is written."""

    format: Literal[1] = 1
    recipe: str
    started: str
    """When, in ISO 8601."""
    command: list[str] = []
    train_command: str | None = Field(default=None, pattern=COMMAND)
    """What all runs are asked for alike, as a command; None where nothing but their recipe file says it."""
    runs: list[SweptRun] = Field(min_length=1, max_length=RUNS_LIMIT)
    """In the order in which they are trained."""
    data: str | None = None
    """`--data`, as an absolute path."""
    preferred: list[str] = []
    """Distributions whose components the recipe means."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    eager: bool = False
    on_nan: OnNan = "stop"
    steps: int | None = Field(default=None, ge=1)
    """Generator steps of each run, where a resume asked for others than the recipe."""
    failures: dict[str, Failure] = {}
    """By the folders of the runs that failed last time."""

    def as_dict(self) -> dict[str, Any]:
        """Return what the file holds."""
        return self.model_dump(mode="json", exclude_none=True)


def read_sweep(folder: Path) -> SweepRecord:
    """Return a sweep's `sweep.json`.

    Raises:
        InputError: it is missing or not JSON, or a field is missing or wrong.
    """
    path, advice = folder / SWEEP, "Restore it, or start a new sweep"
    try:
        data = read_regular(path, SWEEP_LIMIT)
        found = parse_object(data)
        refuse_newer(path, found.get("format"), FORMAT)
        record = SweepRecord.model_validate_json(data)
    except UnfitFileError as error:
        raise InputError(f"{path}: {error.strerror}. {advice}") from error
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror}. {advice}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {where}: {first['msg']}. {advice}") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}. {advice}") from error
    names = [run.folder.casefold() for run in record.runs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: two of its runs are called {twice}. {advice}")
    return record


def write_sweep(folder: Path, record: SweepRecord) -> None:
    """Write a sweep's `sweep.json`, whole or not at all.

    Raises:
        ResourceError: it cannot be written; the one that was there stays.
    """
    text = json.dumps(record.as_dict(), indent=2, ensure_ascii=False)
    write_atomic(folder / SWEEP, f"{text}\n".encode("utf-8", "backslashreplace"))
