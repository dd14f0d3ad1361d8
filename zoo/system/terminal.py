"""Text on its way to a terminal, which obeys what it finds in it: colours, a new title, a line printed over.

Names of files, fields of recipes and what plugins say are other people's. They are escaped once, where text leaves the
program: here, in `say` and `warn`, and in what is printed of errors.
"""

from __future__ import annotations

import json
import unicodedata
from typing import Any, TextIO

_OBEYED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories: control characters, those that turn the direction of text or cannot be seen, halves of characters, and
ends of lines and paragraphs."""
_JOINERS = "\u200c\u200d"
"""In words of some languages, and in pictures of several people."""


def escape(text: str, keep: str = "") -> str:
    """Return text in which each character that a terminal would obey is written as Python writes it (`\\x1b`).

    Args:
        text: any, such as the name of a file that is no UTF-8.
        keep: characters that stay as they are, such as the end of a line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character in keep or not _is_obeyed(character) else _written(character)
        for character in text
    )


def one_line(text: str) -> str:
    """Return text escaped, as one line."""
    return escape(" ".join(text.splitlines()))


def legible(text: str) -> str:
    """Return text as it is where all of it can be printed, else as Python writes it, in quotes: a name in a message."""
    return text if text.isprintable() else ascii(text)


def only_printable(text: str, instead: str = "") -> str:
    """Return text with `instead` for each character that cannot be printed."""
    return "".join(character if character.isprintable() else instead for character in text)


def echo(text: object, file: TextIO | None = None) -> None:
    """Print a result on stdout, or another stream, as one line, escaped: what is in it can begin no other."""
    _print(escape(str(text)), file)


def echo_lines(text: str) -> None:
    """Print a result of several lines on stdout, escaped; they and their tabs stay."""
    _print(escape(text, keep="\n\t"))


def echo_json(value: Any) -> None:
    """Print a result on stdout as JSON, which escapes what is not ASCII in its own way; what is no number is null."""
    text = json.dumps(json.loads(json.dumps(value), parse_constant=lambda _: None), indent=2)
    # The only character that it leaves and a terminal may obey.
    _print(text.replace("\x7f", "\\u007f"))


def _print(text: str, file: TextIO | None = None) -> None:
    import click

    click.echo(text, file=file)


def _is_obeyed(character: str) -> bool:
    return unicodedata.category(character) in _OBEYED and character not in _JOINERS


def _written(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
