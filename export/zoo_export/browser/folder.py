"""A play page on the disk: whole or not at all, and never over somebody's files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.system.arguments import given_words
from zoo.system.atomic import new_folder
from zoo.system.paths import given_path, refuse_missing_parent
from zoo.system.regular_files import read_regular
from zoo_export.browser.page import MADE_BY, PAGE, make_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PAGE_FILE_LIMIT = 4 << 20


def demo(names: str | Sequence[str], out: Path, runtime: Path | None = None) -> Path:
    """Write a page that plays generators in a browser, and return its folder.

    Args:
        names: what `zoo.load` opens, one or several, which are shown side by side.
        out: the folder to make; an earlier page there is replaced.
        runtime: see `make_page`.

    Raises:
        InputError: `out` holds something that no play page made.
        ResourceError: the disk is full, or the folder cannot be written.
        ZooError: whatever `make_page` raises.
    """
    out = given_path(out, "out", needed=True)
    runtime = None if runtime is None else given_path(runtime, "runtime")
    named = given_words([names] if isinstance(names, str) else names, "names", "camel-wgangp")
    check_out(out)
    write_page(make_page(named, runtime), out)
    return out


def write_page(files: Mapping[str, bytes], out: Path) -> None:
    """Put a page's files into the folder `out`, in place of an earlier page's."""
    check_out(out)
    earlier = _own_files(out)
    with new_folder(out, sum(map(len, files.values())), earlier.__contains__) as scratch:
        for name, data in files.items():
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def check_out(out: Path) -> None:
    """Refuse a folder that holds something else than a page.

    Raises:
        InputError: it does, or it is a file, or no place for a folder.
    """
    try:
        _check(out)
    except OSError as error:
        raise InputError(
            f"--out {out}: it cannot be looked into: {error.strerror}. Give another folder"
        ) from error


def _check(out: Path) -> None:
    if not out.name or out.name == "..":
        raise InputError(f"--out {out}: it is the folder you are in, or one around it. Give a new one's name")
    refuse_missing_parent(out, "--out")
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"--out {out}: it is a file. Give a folder")
    own = _own_files(out)
    for path in out.rglob("*"):
        name = path.relative_to(out).as_posix()
        if path.is_symlink() or (not path.is_dir() and name not in own):
            raise InputError(f"--out {out}: it holds {name}, which no play page made. Give another folder")


def _own_files(out: Path) -> set[str]:
    """Return what an earlier page lists as its files; nothing where there is none."""
    path = out / PAGE
    try:
        return listed_files(read_regular(path, PAGE_FILE_LIMIT, links=False))
    except OSError:
        return set()


def listed_files(data: bytes) -> set[str]:
    """Return the files that a `page.json` lists as its page's; nothing where it is none."""
    try:
        page = json.loads(data)
        return set(map(str, page["files"])) if page["made_by"] == MADE_BY else set()
    except (ValueError, TypeError, KeyError, RecursionError):
        return set()
