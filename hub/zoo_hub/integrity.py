"""Whether the bytes in the cache are those that were published. Wrong ones go, so that a new pull mends."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from zoo.atomic import sha256_file
from zoo.errors import IntegrityError
from zoo.generator_folder import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generator_folder import GeneratorConfig


def check_blob(repo: str, path: Path, oid: str | None) -> None:
    """Check a small file against the git id that the Hub names; with none there is nothing to compare.

    Raises:
        IntegrityError: they differ; the cached copy is gone.
    """
    data = path.read_bytes()
    found = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    if oid is not None and found != oid:
        remove_cached(path)
        raise IntegrityError(
            _sentence(repo, path.name, f"its git id is {found[:12]}...", f"the Hub says {oid[:12]}...")
        )


def check_listed(repo: str, folder: Path, names: list[str], config: GeneratorConfig) -> None:
    """Check files against the sha256 that `config.json` lists.

    Raises:
        IntegrityError: one has no sha256 listed, or another one; every wrong cached copy is gone.
    """
    wrong: list[str] = []
    for name in names:
        record = config.files.get(name)
        if record is None:
            wrong.append(f"{repo}: {name}: {CONFIG} lists no sha256 for it. Ask its owner to push it again")
            continue
        found = sha256_file(folder / name)
        if found != record.sha256:
            remove_cached(folder / name)
            listed = f"{CONFIG} says {record.sha256[:12]}..."
            wrong.append(_sentence(repo, name, f"its sha256 is {found[:12]}...", listed))
    if wrong:
        raise IntegrityError(wrong[0])


def remove_cached(path: Path) -> None:
    """Remove a file of a cached snapshot and the blob it is a link to."""
    blob = path.resolve()
    path.unlink()
    blob.unlink(missing_ok=True)


def _sentence(repo: str, name: str, found: str, wanted: str) -> str:
    return f"{repo}: {name}: {found}, {wanted}. The copy was removed: run `zoo pull {repo}` again"
