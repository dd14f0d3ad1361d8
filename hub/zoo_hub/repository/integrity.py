"""Whether files have the hashes and sizes that the Hub and `config.json` list."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from zoo.errors import IntegrityError
from zoo.generators.files import CONFIG, PEOPLE_EDIT
from zoo.system.atomic import sha256_of
from zoo.system.regular_files import open_regular

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generators.config import GeneratorConfig
    from zoo_hub.repository.listing import Listing

PIECE = 1 << 20
PUSH_AGAIN = "Ask its owner to push it again"


def digest_of(path: Path, form: str) -> str:
    """Return a file's digest of the same kind as `form`: the sha256 for 64 hex digits, the git blob id for 40."""
    with open_regular(path) as file:
        if len(form) == 64:
            return sha256_of(file)
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        while piece := file.read(PIECE):
            digest.update(piece)
        return digest.hexdigest()


def mismatch(path: Path, hub: str | None, listed: str | None = None) -> str | None:
    """Return what is wrong with a file as one clause without its name; None where nothing is.

    `hub` is the digest that the Hub lists, `listed` the sha256 in `config.json`; None is not compared.
    """
    for who, expected in (("the Hub", hub), (CONFIG, listed)):
        if expected is None:
            continue
        try:
            found = digest_of(path, expected)
        except FileNotFoundError:
            return "it is missing"
        if found != expected:
            kind = "sha256" if len(expected) == 64 else "git id"
            return f"its {kind} is {found[:12]}..., {who} says {expected[:12]}..."
    return None


def check_agreement(listing: Listing, config: GeneratorConfig, names: list[str]) -> None:
    """Compare the Hub's sizes and sha256 with those that `config.json` lists, before anything is downloaded.

    Raises:
        IntegrityError: they differ, or one is not listed: the generator was published that way.
    """
    for name in names:
        file, record = listing.files[name], config.files.get(name)
        if name in PEOPLE_EDIT:
            continue
        if record is None:
            raise _wrong_in_list(listing.repo, name, f"{CONFIG} lists no sha256 for it")
        if file.size != record.size:
            said = f"it has {file.size:,} bytes, {CONFIG} says {record.size:,}"
            raise _wrong_in_list(listing.repo, name, said)
        if len(file.digest) == 64 and file.digest != record.sha256:
            said = f"its sha256 is {file.digest[:12]}..., {CONFIG} says {record.sha256[:12]}..."
            raise _wrong_in_list(listing.repo, name, said)


def _wrong_in_list(repo: str, name: str, said: str) -> IntegrityError:
    return IntegrityError(f"{repo}: {name}: {said}. {PUSH_AGAIN}")
