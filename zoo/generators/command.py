"""The command that trains a generator again: what was asked for, without the folders of anybody's machine."""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import TYPE_CHECKING, Any

from zoo.generators.config import COMMAND
from zoo.recipes.tables import parse_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

OWN_OPTIONS = ("training.steps", "training.seed")
"""Fields that have options of their own, at the end of the command."""
KEEPING = frozenset(
    {"training.steps", "training.log_every", "training.sample_every", "training.checkpoint_every"}
)
"""Fields that may change in the middle of a training whose weights stay, step by step, those of the command."""
_FAR = re.compile(r"[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]|file:")
"""How a path begins that can say whose machine it is of."""


def asked_command(recipe: str, changes: Iterable[str] = (), data: Path | None = None) -> str | None:
    """Return the command as far as it is known before a training: `zoo train camel-gan --set losses.0.weight=2`.

    Args:
        recipe: its name, or the path of its file, which is named without its folder.
        changes: `key.path=value`; paths in them are named without their folders, too.
        data: what was given with `--data`, which is named without its folder.

    Returns:
        One line; None where it would be too long, name the user's home folder, or hold characters that a model card or
        a terminal cannot show.
    """
    images = [] if data is None else ["--data", data.resolve().name]
    return with_changes(shlex.join(["zoo", "train", _plain(recipe), *images]), changes)


def with_changes(command: str | None, changes: Iterable[str]) -> str | None:
    """Return a command with more `--set` changes; steps and seed are left to `finished_command`."""
    words = [_without_folders(change) for change in changes if change.partition("=")[0] not in OWN_OPTIONS]
    return _with(command, [word for change in words for word in ("--set", change)])


def started_command(
    command: str | None, seed: int, precision: str | None, pinned: Mapping[str, Any]
) -> str | None:
    """Return a command as a run that begins records it.

    Args:
        command: what was asked for.
        seed: that of the training, whoever chose it.
        precision: where one was asked for.
        pinned: fields of the data set that give the images again which stood in for others.
    """
    fields = [f"data.{name}={_toml(value)}" for name, value in pinned.items()]
    there = shlex.split(command or "")
    command = with_changes(command, [field for field in fields if field not in there])
    asked = [] if precision in (None, "auto") else ["--precision", str(precision)]
    return _with(command, [*asked, "--seed", str(seed)])


def finished_command(command: str | None, steps: int, *, rolled_back: bool) -> str | None:
    """Return the command of a training that has made so many steps, 0 where it has not begun."""
    after = ["--on-nan", "rollback"] if rolled_back else []
    return _with(command, [*(["--steps", str(steps)] if steps else []), *after])


def _with(command: str | None, words: list[str]) -> str | None:
    whole = " ".join(filter(None, [command, shlex.join(words)]))
    fit = command and whole.isprintable() and re.fullmatch(COMMAND, whole)
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home() fails where there is none
    return whole if fit and (len(home) < 2 or home not in whole) else None


def _without_folders(change: str) -> str:
    """Return `key=value` with each path in the value named without its folder."""
    key, equals, text = change.partition("=")
    value = parse_value(text)
    plain = _plain(value)
    if plain == value:
        return change
    bare = isinstance(plain, str) and parse_value(plain) == plain
    return f"{key}{equals}{plain if bare else _toml(plain)}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str) and (_FAR.match(value) or (os.sep in value and os.path.exists(value))):  # noqa: PTH110
        return re.split(r"[/\\]", value.rstrip("/\\"))[-1]
    return value


def _toml(value: Any) -> str:
    """Return a value as `--set` takes it; what TOML and JSON write alike is written by json."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)
