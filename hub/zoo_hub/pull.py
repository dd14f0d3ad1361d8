"""Downloading a published generator: only the files it consists of, all of one commit, every byte checked."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.errors import InputError, IntegrityError, NewerFormatError
from zoo.generators.files import CONFIG, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.system.arguments import given_choice, given_text, given_words
from zoo.system.atomic import new_folder
from zoo.system.console import say
from zoo.system.disk_space import refuse_without_room
from zoo.system.paths import given_path, refuse_missing_parent
from zoo.system.regular_files import open_inside
from zoo_hub.client.errors import hub_errors, is_unreachable, root_cause
from zoo_hub.client.retry import client, download
from zoo_hub.client.watch import Watch, endpoint, transfer_seconds
from zoo_hub.names import hub_name
from zoo_hub.providers import warn_missing_package
from zoo_hub.repository.choice import EXTRAS, Choice
from zoo_hub.repository.integrity import PUSH_AGAIN, check_agreement, mismatch
from zoo_hub.repository.listing import Listing, fetch_listing
from zoo_hub.repository.snapshots import (
    Snapshot,
    cache_root,
    cached_snapshot,
    digest_of_link,
    locked_repo,
    remove,
    save_ref,
    snapshot_at,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from huggingface_hub import HfApi

    from zoo.generators.config import GeneratorConfig

PULLED = "pulled.json"
"""The file in which a copy outside the cache names the commit that it is a copy of."""


@dataclass(frozen=True)
class Pulled:
    """A generator that was downloaded and checked."""

    folder: Path
    repo: str
    revision: str
    """The branch, tag or commit that was asked for."""
    commit: str
    """The commit that it stood for: 40 hex digits."""


def pull(
    repo: str,
    revision: str | None = None,
    *,
    to: Path | None = None,
    extras: Sequence[str] | None = None,
) -> Pulled:
    """Download a generator into the Hub's cache, and copy it to `to` if that is given.

    When the Hub cannot be reached, the copy in the cache is used.

    Args:
        repo: OWNER/NAME.
        revision: a branch, tag or commit; `main` when there is none.
        to: a new folder. Without `extras` it gets every file, so that it can be exported and pushed again.
        extras: which of `files.EXTRAS` to get besides configuration, ONNX file, card and sample picture.

    Raises:
        InputError: the Hub takes no such name or revision, the repository holds no generator, or not what was asked
            for, or `to` is not empty.
        IntegrityError: a file is not what the Hub says, or not what `config.json` lists.
        ResourceError: there is no room, or the cache cannot be written.
        NetworkError: the Hub did not give it, and the cache has none.
    """
    repo = given_text(repo, "OWNER/NAME")
    if revision is not None:
        revision = given_text(revision, "revision")
    hub_name(repo if revision is None else f"{repo}@{revision}")
    for extra in given_words(extras or (), "extras", next(iter(EXTRAS))):
        given_choice(extra, "extras", EXTRAS)
    if to is not None:
        to = given_path(to, "to")
        refuse_missing_parent(to, "--to")
    if to is not None and to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to}: it exists and is not empty. Give --to a new folder")
    choice = Choice(tuple(extras or ()), whole=to is not None and extras is None)
    with hub_errors(repo, revision):
        snapshot = _fetch(client(), repo, revision, choice)
    config = GeneratorFolder.open(snapshot.folder).config
    if WEIGHTS in choice.needed(config):
        warn_missing_package(repo, config)
    pulled = Pulled(snapshot.folder, repo, revision or "main", snapshot.commit)
    return pulled if to is None else _copy(pulled, to, choice.names(config))


def _fetch(api: HfApi, repo: str, revision: str | None, choice: Choice) -> Snapshot:
    """Return the snapshot in the cache, checked, downloading what is missing."""
    cached = cached_snapshot(repo, revision)
    try:
        listing = fetch_listing(api, repo, revision, quick=cached is not None)
    except Exception as error:
        if (
            cached is None
            or not is_unreachable(root_cause(error))
            or not _usable_offline(repo, cached, choice)
        ):
            raise
        say(f"{repo}: the Hub cannot be reached; using the cached copy of commit {cached.commit[:12]}")
        return cached
    snapshot = snapshot_at(repo, listing.commit)
    if not _is_complete(listing, snapshot, choice):
        with locked_repo(repo):
            _download_missing(api, listing, choice)
    save_ref(repo, revision, listing.commit)
    return snapshot


def _download_missing(api: HfApi, listing: Listing, choice: Choice) -> None:
    """Download what is missing or damaged; `config.json` comes first, as it lists the hashes of the others."""
    folder = snapshot_at(listing.repo, listing.commit).folder
    _download_file(api, listing, CONFIG, None)
    config = _read_config(listing.repo, folder)
    names = _available(listing, config, choice)
    check_agreement(listing, config, names)
    missing = [listing.files[name].size for name in names if not (folder / name).is_file()]
    refuse_without_room(cache_root(), sum(missing))
    for name in names:
        if name != CONFIG:
            _download_file(api, listing, name, config)


def _download_file(api: HfApi, listing: Listing, name: str, config: GeneratorConfig | None) -> None:
    """Download one file and check it; wrong bytes are removed, and the file is downloaded once more."""
    file = listing.files[name]
    listed = _listed_sha256(config, name) if config else None
    watch = Watch(
        listing.repo,
        name,
        limit=file.size,
        etag=file.digest,
        commit=listing.commit,
        seconds=transfer_seconds(file.size),
    )
    wrong = None
    for _ in range(2):
        path = download(api, watch)
        wrong = mismatch(path, file.digest)
        if wrong is None:
            mislisted = mismatch(path, None, listed)
            if mislisted:
                raise IntegrityError(f"{listing.repo}: {name}: {mislisted}. {PUSH_AGAIN}")
            return
        remove(path)
    raise IntegrityError(
        f"{listing.repo}: {name}: {wrong}, twice. The copy was removed: "
        "look at what is between you and the Hub, then pull again"
    )


def _is_complete(listing: Listing, snapshot: Snapshot, choice: Choice) -> bool:
    """Whether every chosen file is in the cache, with the bytes that the Hub and `config.json` list."""
    if mismatch(snapshot.folder / CONFIG, listing.files[CONFIG].digest):
        return False
    config = _read_config(listing.repo, snapshot.folder)
    names = _available(listing, config, choice)
    check_agreement(listing, config, names)
    return not any(
        mismatch(snapshot.folder / name, listing.files[name].digest, _listed_sha256(config, name))
        for name in names
    )


def _usable_offline(repo: str, snapshot: Snapshot, choice: Choice) -> bool:
    """Whether a cached copy has every chosen file, with the bytes that the Hub listed when it was downloaded.

    Raises:
        IntegrityError: a file was changed since; it is removed, so that the next pull downloads it again.
    """
    _check_cached(repo, snapshot.folder / CONFIG, CONFIG, None)
    config = _read_config(repo, snapshot.folder)
    for name in choice.names(config):
        if (snapshot.folder / name).is_file():
            _check_cached(repo, snapshot.folder / name, name, _listed_sha256(config, name))
        elif name in choice.needed(config):
            return False
    return True


def _check_cached(repo: str, path: Path, name: str, listed: str | None) -> None:
    wrong = mismatch(path, digest_of_link(path), listed)
    if wrong:
        remove(path)
        raise IntegrityError(
            f"{repo}: {name}: {wrong}. The cached copy was removed: pull again where the Hub can be reached"
        )


def _listed_sha256(config: GeneratorConfig, name: str) -> str | None:
    record = config.files.get(name)
    return record.sha256 if record else None


def _available(listing: Listing, config: GeneratorConfig, choice: Choice) -> list[str]:
    """Return the chosen files that the repository holds.

    Raises:
        InputError: it lacks one that is needed.
    """
    for name in choice.needed(config):
        if name not in listing.files:
            raise InputError(f"{listing.repo}: it holds no {name}. Ask its owner to push it with `zoo push`")
    return [name for name in choice.names(config) if name in listing.files]


def _read_config(repo: str, folder: Path) -> GeneratorConfig:
    """Return the snapshot's configuration; errors name the repository instead of the folder in the cache."""
    try:
        return GeneratorFolder.open(folder).config
    except NewerFormatError as error:
        raise InputError(f"{repo}: {CONFIG}: {error.reason}") from error
    except InputError as error:
        reason = str(error).removeprefix(f"{folder / CONFIG}: ").rpartition(". ")[0]
        raise InputError(
            f"{repo}: {CONFIG}: {reason}. It is no generator of a zoo: check the name"
        ) from error


def _copy(pulled: Pulled, to: Path, names: list[str]) -> Pulled:
    """Copy a snapshot's files; the links that they are in the cache become files."""
    present = [name for name in names if (pulled.folder / name).is_file()]
    size = sum((pulled.folder / name).stat().st_size for name in present)
    refuse_without_room(to, size)
    with new_folder(to.absolute(), size) as scratch:
        for name in present:
            (scratch / name).parent.mkdir(exist_ok=True)
            with open_inside(pulled.folder, name) as file, (scratch / name).open("xb") as copy:
                shutil.copyfileobj(file, copy)
        origin = {
            "hub": endpoint(),
            "repo": pulled.repo,
            "revision": pulled.revision,
            "commit": pulled.commit,
        }
        (scratch / PULLED).write_text(json.dumps(origin, indent=2) + "\n")
    return Pulled(to, pulled.repo, pulled.revision, pulled.commit)
