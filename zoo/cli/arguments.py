"""The types of arguments and options that name something: none of them takes an empty one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.system.arguments import shown
from zoo.system.paths import given_name, given_path

if TYPE_CHECKING:
    from typing import Any


class NameType(click.types.StringParamType):
    """A name, a revision or another word that is never empty."""

    def convert(self, value: Any, param: click.Parameter | None, _ctx: click.Context | None) -> str:
        """Return the word, or raise InputError."""
        return given_name(str(value), _spelt(param), needed=param is not None and param.required)


class PathType(click.Path):
    """A path, never an empty one: `Path("")` would be the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, _ctx: click.Context | None) -> Path:
        """Return the path, or raise InputError."""
        return given_path(value, _spelt(param), needed=param is not None and param.required)


class Whole(click.IntRange):
    """A whole number in a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number, or refuse in a sentence what is none."""
        if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?[0-9]+\s*", value):
            least = "" if self.min is None else f" from {self.min}"
            most = "" if self.max is None else f" to {self.max}"
            self.fail(f"{shown(value)} is no whole number. Give one{least}{most}", param, ctx)
        number: int = super().convert(value, param, ctx)
        return number


NAME, PATH = NameType(), PathType(path_type=Path)


def _spelt(param: click.Parameter | None) -> str:
    """Return how a parameter is called on the command line: `--out`, or `NAME`."""
    if isinstance(param, click.Option):
        return max(param.opts, key=len)
    return "argument" if param is None else re.sub(r"^\[(.*)\]$", r"\1", param.human_readable_name)
