"""Getting a published generator: only the files it is made of, at one commit, every byte checked."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError, IntegrityError
from zoo.generators.files import CONFIG, WEIGHTS
from zoo.generators.folder import read_config
from zoo.system.atomic import new_folder
from zoo.system.console import say
from zoo.system.disk_space import refuse_without_room
from zoo_hub.client.errors import hub_errors, is_unreachable, root
from zoo_hub.client.retry import client, retrying
from zoo_hub.client.watch import SLOWEST, Watch, endpoint, patience
from zoo_hub.names import hub_name
from zoo_hub.providers import name_missing
from zoo_hub.repository.choice import Choice
from zoo_hub.repository.integrity import PUSH_AGAIN, check_agreement, fault
from zoo_hub.repository.listing import Listing, ask
from zoo_hub.repository.snapshots import (
    Snapshot,
    alone,
    cache_root,
    cached,
    hub_digest,
    remember,
    remove,
    snapshot_at,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huggingface_hub import HfApi

    from zoo.generators.config import GeneratorConfig

PULLED = "pulled.json"
"""Where a copy outside the cache says which commit it is."""


@dataclass(frozen=True)
class Pulled:
    """A generator that was downloaded and checked."""

    folder: Path
    repo: str
    revision: str
    """What was asked for: a branch, tag or commit."""
    commit: str
    """What that was: 40 hex digits."""


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
        UsageError: a name or revision that the Hub does not take.
        InputError: the repository holds no generator, or not what was asked for, or `to` is taken.
        IntegrityError: a file is not what the Hub says, or not what `config.json` lists.
        ResourceError: there is no room, or the cache cannot be written.
        NetworkError: the Hub did not give it, and the cache has none.
    """
    hub_name(repo if revision is None else f"{repo}@{revision}")
    if to is not None and to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to}: it exists and is not empty. Give --to a new folder")
    choice = Choice(tuple(extras or ()), whole=to is not None and extras is None)
    with hub_errors(repo, revision):
        snapshot = _fetch(client(), repo, revision, choice)
    config = read_config(snapshot.folder)
    if WEIGHTS in choice.needed(config):
        name_missing(repo, config)
    pulled = Pulled(snapshot.folder, repo, revision or "main", snapshot.commit)
    return pulled if to is None else _copy(pulled, to, choice.names(config))


def _fetch(api: HfApi, repo: str, revision: str | None, choice: Choice) -> Snapshot:
    """Return the snapshot in the cache, checked, downloading what is missing."""
    before = cached(repo, revision)
    try:
        listing = ask(api, repo, revision, quick=before is not None)
    except Exception as error:
        if before is None or not is_unreachable(root(error)) or not _serves_offline(repo, before, choice):
            raise
        say(f"{repo}: the Hub cannot be reached; using the cached copy of commit {before.commit[:12]}")
        return before
    snapshot = snapshot_at(repo, listing.commit)
    if not _is_good(listing, snapshot, choice):
        with alone(repo):
            _download(api, listing, choice)
    remember(repo, revision, listing.commit)
    return snapshot


def _download(api: HfApi, listing: Listing, choice: Choice) -> None:
    """Bring what is missing or damaged; the small file that tells what the rest must be comes first."""
    folder = snapshot_at(listing.repo, listing.commit).folder
    _get(api, listing, CONFIG, None)
    config = _read(listing.repo, folder)
    names = _available(listing, config, choice)
    check_agreement(listing, config, names)
    missing = [listing.files[name].size for name in names if not (folder / name).is_file()]
    refuse_without_room(cache_root(), sum(missing))
    for name in names:
        if name != CONFIG:
            _get(api, listing, name, config)


def _get(api: HfApi, listing: Listing, name: str, config: GeneratorConfig | None) -> None:
    """Bring one file and check it. Wrong bytes are removed and asked for once more."""
    file = listing.files[name]
    listed = _listed(config, name) if config else None
    watch = Watch(
        listing.repo,
        name,
        limit=file.size,
        etag=file.digest,
        commit=listing.commit,
        seconds=patience() + file.size / SLOWEST,
    )
    wrong = None
    for _ in range(2):
        path = Path(
            retrying(partial(api.hf_hub_download, listing.repo, name, revision=listing.commit), watch)
        )
        wrong = fault(path, file.digest)
        if wrong is None:
            published_so = fault(path, None, listed)
            if published_so:
                raise IntegrityError(f"{listing.repo}: {name}: {published_so}. {PUSH_AGAIN}")
            return
        remove(path)
    raise IntegrityError(
        f"{listing.repo}: {name}: {wrong}, twice. The copy was removed: "
        "look at what is between you and the Hub, then pull again"
    )


def _is_good(listing: Listing, snapshot: Snapshot, choice: Choice) -> bool:
    """Whether all that is wanted is in the cache, as the Hub and `config.json` say it is."""
    if fault(snapshot.folder / CONFIG, listing.files[CONFIG].digest):
        return False
    config = _read(listing.repo, snapshot.folder)
    names = _available(listing, config, choice)
    check_agreement(listing, config, names)
    return not any(
        fault(snapshot.folder / name, listing.files[name].digest, _listed(config, name)) for name in names
    )


def _serves_offline(repo: str, snapshot: Snapshot, choice: Choice) -> bool:
    """Whether a cached copy has all that is wanted, as the Hub said it was when it came.

    Raises:
        IntegrityError: a file was changed since; it is removed, so that the next pull brings it anew.
    """
    _check_cached(repo, snapshot.folder / CONFIG, CONFIG, None)
    config = _read(repo, snapshot.folder)
    for name in choice.names(config):
        if (snapshot.folder / name).is_file():
            _check_cached(repo, snapshot.folder / name, name, _listed(config, name))
        elif name in choice.needed(config):
            return False
    return True


def _check_cached(repo: str, path: Path, name: str, listed: str | None) -> None:
    wrong = fault(path, hub_digest(path), listed)
    if wrong:
        remove(path)
        raise IntegrityError(
            f"{repo}: {name}: {wrong}. The cached copy was removed: pull again where the Hub can be reached"
        )


def _listed(config: GeneratorConfig, name: str) -> str | None:
    record = config.files.get(name)
    return record.sha256 if record else None


def _available(listing: Listing, config: GeneratorConfig, choice: Choice) -> list[str]:
    """Return which files to get; one that cannot be done without must be there."""
    for name in choice.needed(config):
        if name not in listing.files:
            raise InputError(f"{listing.repo}: it holds no {name}. Ask its owner to push it with `zoo push`")
    return [name for name in choice.names(config) if name in listing.files]


def _read(repo: str, folder: Path) -> GeneratorConfig:
    """Return the snapshot's configuration."""
    try:
        return read_config(folder)
    except InputError as error:
        reason = str(error).removeprefix(f"{folder / CONFIG}: ").rpartition(". ")[0]
        raise InputError(
            f"{repo}: {CONFIG}: {reason}. It is no generator of a zoo: check the name"
        ) from error


def _copy(pulled: Pulled, to: Path, names: list[str]) -> Pulled:
    """Copy a snapshot's files, not the links they are in the cache."""
    there = [name for name in names if (pulled.folder / name).is_file()]
    size = sum((pulled.folder / name).stat().st_size for name in there)
    refuse_without_room(to, size)
    with new_folder(to.absolute(), size) as scratch:
        for name in there:
            (scratch / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(pulled.folder / name, scratch / name)
        origin = {
            "hub": endpoint(),
            "repo": pulled.repo,
            "revision": pulled.revision,
            "commit": pulled.commit,
        }
        (scratch / PULLED).write_text(json.dumps(origin, indent=2) + "\n")
    return Pulled(to, pulled.repo, pulled.revision, pulled.commit)
