"""Whether bytes are those that were published: what the Hub says of them, and what `config.json` lists."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from zoo.errors import IntegrityError
from zoo.generators.files import CONFIG, PEOPLE_EDIT

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generators.config import GeneratorConfig
    from zoo_hub.repository.listing import Listing

PIECE = 1 << 20
PUSH_AGAIN = "Ask its owner to push it again"


def digest_of(path: Path, form: str) -> str:
    """Return a file's digest in the form of another one: sha256 for 64 hex digits, the git id of a blob for 40."""
    with path.open("rb") as file:
        if len(form) == 64:
            return hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        while piece := file.read(PIECE):
            digest.update(piece)
        return digest.hexdigest()


def fault(path: Path, hub: str | None, listed: str | None = None) -> str | None:
    """Return what is wrong with a file, None when nothing is: one clause, without the file's name.

    `hub` is what the Hub calls its bytes, `listed` the sha256 in `config.json`.
    """
    for who, wanted in (("the Hub", hub), (CONFIG, listed)):
        if wanted is None:
            continue
        try:
            found = digest_of(path, wanted)
        except FileNotFoundError:
            return "it is missing"
        if found != wanted:
            kind = "sha256" if len(wanted) == 64 else "git id"
            return f"its {kind} is {found[:12]}..., {who} says {wanted[:12]}..."
    return None


def check_agreement(listing: Listing, config: GeneratorConfig, names: list[str]) -> None:
    """Compare the Hub's sizes and sha256 with those that `config.json` lists, before anything is downloaded.

    Raises:
        IntegrityError: they differ, or one is not listed: it was published so.
    """
    for name in names:
        file, record = listing.files[name], config.files.get(name)
        if name in PEOPLE_EDIT:
            continue
        if record is None:
            raise _published_so(listing.repo, name, f"{CONFIG} lists no sha256 for it")
        if file.size != record.size:
            said = f"it has {file.size:,} bytes, {CONFIG} says {record.size:,}"
            raise _published_so(listing.repo, name, said)
        if len(file.digest) == 64 and file.digest != record.sha256:
            said = f"its sha256 is {file.digest[:12]}..., {CONFIG} says {record.sha256[:12]}..."
            raise _published_so(listing.repo, name, said)


def _published_so(repo: str, name: str, said: str) -> IntegrityError:
    return IntegrityError(f"{repo}: {name}: {said}. {PUSH_AGAIN}")
