"""A recipe: the TOML file that says which components are assembled, and how they are trained."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import InputError, UsageError
from zoo.recipes.optimizers import Optimizers
from zoo.recipes.tables import Table, set_value
from zoo.recipes.validation import REMOVE, elsewhere, explain
from zoo.system.regular_files import UnfitFileError, read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RECIPE_LIMIT = 1 << 16
"""Bytes; the recipes here have 2,000."""
STEPS_LIMIT = 10**9
DOTS_LIMIT = 100
"""In one line: Python's reader takes the square of a dotted key's parts, seconds for a few thousand."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Training(_Part):
    """How long and how often. A step is one generator iteration: `critic_steps` critic steps, then one of its own."""

    steps: int = Field(ge=1, le=STEPS_LIMIT, description="generator steps")
    batch_size: int = Field(ge=1, le=65536, description="images in a batch, over all ranks")
    accumulate: int = Field(
        default=1,
        ge=1,
        le=65536,
        description="parts of a rank's batch, one after the other, for little memory",
    )
    critic_steps: int = Field(default=1, ge=1, le=1000, description="critic steps before each generator step")
    ema: float = Field(
        default=0.999, ge=0, lt=1, description="decay of the averaged generator weights; 0 averages nothing"
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="of weights, latents and data order")
    log_every: int = Field(default=10, ge=1, le=10_000, description="steps between lines of metrics.jsonl")
    sample_every: int = Field(default=100, ge=1, description="steps between sample grids")
    eval_every: int = Field(default=500, ge=1, description="steps between measurements of the metric")
    checkpoint_every: int = Field(default=250, ge=1, description="steps between checkpoints")


class Recipe(_Part):
    """A recipe as written: component tables are still tables, since only the registry knows their fields."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="what the run is called")
    summary: str = Field(default="", description="one line for `zoo list`")
    data: Table
    architecture: Table
    losses: tuple[Table, ...] = Field(min_length=1)
    regularizers: tuple[Table, ...] = ()
    augmentations: tuple[Table, ...] = ()
    metric: Table | None = None
    optimizers: Optimizers
    training: Training

    @property
    def sample(self) -> Table | None:
        """The tables that replace this recipe's own when a small sample stands in for the data set."""
        table = self.data.get("sample")
        return table if isinstance(table, dict) else None


def read_recipe(path: Path, changes: Iterable[str] = ()) -> Recipe:
    """Read a recipe file and apply `--set` changes (`training.steps=500`, `losses.1.weight=5`).

    Raises:
        InputError: the file is missing, over 64 KiB, not TOML, or a field or a change is wrong.
    """
    table = read_table(path)
    for change in changes:
        set_value(table, change)
    return parse_recipe(table, path.name)


def read_table(path: Path) -> Table:
    """Return the table that a recipe file holds, its fields unchecked.

    Raises:
        InputError: the file is missing, no regular file, over 64 KiB, or not TOML.
    """
    try:
        text = read_regular(path, RECIPE_LIMIT).decode("utf-8-sig")
        _check_dots(text, path)
        return tomllib.loads(text)
    except UnfitFileError as error:
        raise InputError(f"{path}: {error.strerror}. Give a recipe file") from None
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror}. Give a recipe file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: it is not text in UTF-8, so it is not TOML. Give a recipe file") from None
    except RecursionError:
        raise InputError(f"{path}: its lists are nested too deeply. No recipe needs that") from None
    except ValueError as error:  # tomllib's own, and Python's for an integer of over 4300 digits
        raise InputError(f"{path}: it is not TOML: {error}. Mend that") from None


def _check_dots(text: str, path: Path) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        dots = line.count(".")
        if dots > DOTS_LIMIT:
            raise InputError(
                f"{path}: its line {number} has {dots} dots, and at most {DOTS_LIMIT} are read. Give a recipe file"
            )


def parse_recipe(table: Mapping[str, Any], where: str) -> Recipe:
    """Return the recipe a table holds, or raise InputError naming `where`, table and key.

    An optimizer that there is not is a UsageError, as every unknown component is.
    """
    try:
        return Recipe.model_validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        details = error.errors()[0]
        message, advice = explain(details, Recipe, where), elsewhere(details, table)
        if advice is not None and message.endswith(REMOVE):
            message = message.removesuffix(REMOVE) + advice
        raise (UsageError if details["type"] == "union_tag_invalid" else InputError)(message) from None
    except RecursionError:
        raise InputError(f"{where}: its tables are nested too deeply. No recipe needs that") from None
