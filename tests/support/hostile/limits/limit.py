"""What a limit of docs/limits.md is for a test: how to meet it, and what is said beyond it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

INPUT, INTEGRITY, RESOURCE, NETWORK = 3, 4, 5, 6


class LeftOutError(Exception):
    """What was asked for was left out, without an error: the limit's row says so."""


class Limit(NamedTuple):
    """One number of the table."""

    row: str
    """The first cell of its row."""
    stated: str
    """The number as its row states it, and the words behind it."""
    most: int
    """The constant that the code holds to."""
    meet: Callable[[Path, int], object]
    """Given an empty folder and a number: reads something of that size, and raises where that is refused."""
    says: str
    """A part of what is said beyond the limit."""
    code: int | None = None
    """The exit code with which a command ends then, or a status of HTTP; None where something is left out."""
    step: int = 1
    """The distance of two numbers that can be met."""
