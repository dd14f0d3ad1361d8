"""Arguments of the Python API as people give them: of the right kind, or refused in one line."""

from __future__ import annotations

import math
import numbers
import os
import reprlib
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import Any, TypeVar

from zoo.errors import InputError

T = TypeVar("T")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlong = 30
_DIGITS_LIMIT = 18
_WORDS_LIMIT = 10_000


def shown(value: object) -> str:
    """Return a value as a message shows it: short, and on one line."""
    try:
        text = _SHORT.repr(value)
    except Exception:  # a class of somebody's, whose text cannot be made
        text = ""
    text = " ".join(text.split())[:80]
    return text or f"something of type {type(value).__name__}"


def given_whole(value: object, what: str) -> int:
    """Return a whole number, of Python's or numpy's.

    Raises:
        InputError: it is something else, True and 3.0 included.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise InputError(f"{what}: {shown(value)} is no whole number. Give one, like 3")
    return int(value)


def given_count(value: object, what: str) -> int:
    """Return a whole number from 1.

    Raises:
        InputError: it is something else.
    """
    count = given_whole(value, what)
    if count < 1:
        raise InputError(f"{what}: {shown(count)} is below 1. Give at least 1")
    return count


def decimal_count(text: str) -> int | None:
    """Return the number that a text writes in the digits 0 to 9, at most 18 of them; None where it writes none.

    `str.isdigit` takes digits that `int` refuses (`²`), and `int` refuses thousands of digits.
    """
    return int(text) if len(text) <= _DIGITS_LIMIT and text.isascii() and text.isdecimal() else None


def given_number(value: object, what: str) -> float:
    """Return a finite number.

    Raises:
        InputError: it is something else, True, NaN and infinity included.
    """
    try:
        number = float(value) if isinstance(value, numbers.Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"{what}: {shown(value)} is no finite number. Give one, like 0.5")
    return number


def given_choice(value: object, what: str, choices: Iterable[str]) -> None:
    """Refuse what is none of the words to choose from.

    Raises:
        InputError: it is none.
    """
    words = list(choices)
    if not isinstance(value, str) or value not in words:
        raise InputError(f"{what}: {shown(value)} is none of {', '.join(words)}. Give one of them")


def given_flag(value: object, what: str) -> None:
    """Refuse what is neither True nor False.

    Raises:
        InputError: it is neither.
    """
    if not isinstance(value, bool):
        raise InputError(f"{what}: {shown(value)} is neither True nor False. Give one of the two")


def given_text(value: object, what: str) -> str:
    """Return a text or a path as text.

    Raises:
        InputError: it is neither; a path of bytes is refused too.
    """
    try:
        text: Any = os.fspath(value)  # type: ignore[call-overload]
    except Exception:  # what is no path, and paths whose own method fails
        text = None
    if not isinstance(text, str):
        raise InputError(f"{what}: {shown(value)} is no text and no path. Give one")
    return text


def given_words(value: object, what: str, example: str) -> list[str]:
    """Return a list of texts; `example` is one that would do, for the message.

    Raises:
        InputError: it is no list, one text alone included, or holds something else.
    """
    words: list[Any] | None = None
    if not isinstance(value, str | bytes) and isinstance(value, Iterable):
        with suppress(
            Exception
        ):  # an iterator of somebody's, which fails; and one that does not end is not followed
            words = list(islice(value, _WORDS_LIMIT))
    if words is None or not all(isinstance(word, str) for word in words):
        raise InputError(f"{what}: {shown(value)} is no list of texts. Give one, like {[example]}")
    return words


def given_kind(value: object, what: str, kind: type[T]) -> T:
    """Return a value of a class of the zoo's.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(value, kind):
        raise InputError(f"{what}: {shown(value)} is no {kind.__name__}. Give one")
    return value
