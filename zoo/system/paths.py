"""Paths and names as people give them: refused where they say nothing, or where a new one would begin a tree."""

from __future__ import annotations

import os
import re
from pathlib import Path
from unicodedata import category

from zoo.errors import InputError, quoted
from zoo.system.arguments import given_text

ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
MOST_SHOWN = 200
"""Characters of a path that cannot even be asked for."""
HUB_PAGE = re.compile(r"https?://(?:www\.)?huggingface\.co/([\w.-]+/[\w.-]+)/?", re.IGNORECASE)


def given_name(text: str, what: str, *, needed: bool = False) -> str:
    """Return a name, path or revision as it was given.

    Args:
        text: what was given.
        what: the option, argument or parameter, for the message.
        needed: whether it cannot be left out.

    Raises:
        InputError: it is empty or blank, as an unset variable of a shell is, or holds a control character.
    """
    text = given_text(text, what)
    if not text.strip():
        advice = "Give one" if needed else "Give one, or leave it out"
        raise InputError(f"{what}: it is empty, as a variable that is not set would be. {advice}")
    bad = next((index for index, character in enumerate(text) if category(character) == "Cc"), None)
    if bad is not None:
        raise InputError(
            f"{what}: its character {bad + 1} is {text[bad]!a}, which no name or path here holds. Remove it"
        )
    return text


def given_path(path: object, what: str, *, needed: bool = False) -> Path:
    """Return the path that was given; raises as `given_name` does, and InputError for an address on the web.

    What the system does not even look up, as a name of 300 letters, is refused too.
    """
    text = given_name(given_text(path, what), what, needed=needed)
    refuse_address(text, what)
    try:
        os.stat(text)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        pass
    except UnicodeEncodeError:
        raise InputError(f"{what}: {text!a} is no text that a path can be. Give another path") from None
    except OSError as error:
        raise InputError(
            f"{what} {text[:MOST_SHOWN]}: it cannot be looked into: {error.strerror}. Give another path"
        ) from None
    return Path(text)


def refuse_address(text: str, what: str) -> None:
    """Refuse an address on the web where a path or a name is wanted: no command of the zoo downloads from one.

    Raises:
        InputError: it is one; the message says what to give instead.
    """
    address = ADDRESS.match(text)
    if address:
        page = HUB_PAGE.fullmatch(text)
        advice = f"Give {page[1]}" if page else "Download it first, and give the path on this disk"
        raise InputError(
            f"{what}: {text} is an address ({address[1]}://...), and none can be opened here. {advice}"
        )


def refuse_unfit_file(path: Path, what: str, example: str) -> None:
    """Refuse a file that could not be written, before anything is done for it; `example` is a name that it could have.

    Raises:
        InputError: it is a folder, or there is no folder to put it into.
    """
    refuse_missing_parent(path, what)
    if os.path.isdir(path):  # noqa: PTH112
        raise InputError(f"{what} {path}: it is a folder. Give a file, like {path / example}")


def refuse_missing_parent(path: Path, what: str) -> None:
    """Refuse a new file or folder where there is no folder to put it into: a mistyped path makes no tree.

    Raises:
        InputError: its parent is no folder; the message names the nearest one that exists.
    """
    parent = path.absolute().parent
    if os.path.isdir(parent):  # noqa: PTH112 - False for whatever cannot be asked, where a Path may raise
        return
    nearest = next(place for place in (parent, *parent.parents) if os.path.exists(place))  # noqa: PTH110
    if not os.path.isdir(nearest):  # noqa: PTH112
        raise InputError(f"{what} {path}: {nearest} is a file, and nothing can lie in it. Give another path")
    missing = parent.relative_to(nearest).parts[0]
    raise InputError(
        f"{what} {path}: there is no folder {missing!r} in {nearest}. Mend the path, or run "
        f"mkdir -p {quoted(path.parent)} first"
    )
