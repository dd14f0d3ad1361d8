"""Getting a published generator: only the files it is made of, at one commit, checked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.atomic import new_folder
from zoo.console import say
from zoo.errors import InputError
from zoo.generator_folder import CARD, CONFIG, ONNX, PEOPLE_EDIT, SAMPLES, WEIGHTS, read_config
from zoo_hub.client import client
from zoo_hub.errors import hub_errors, is_unreachable
from zoo_hub.integrity import check_blob, check_listed

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

    from zoo.generator_folder import GeneratorConfig

WANTED = (CONFIG, ONNX, SAMPLES, CARD)
"""What making pictures takes. Whatever else a repository holds is never downloaded."""
WHOLE = (*WANTED, WEIGHTS)
"""What a folder takes that is to be exported or pushed again."""


def pull(repo: str, revision: str | None = None, *, to: Path | None = None) -> Path:
    """Download a generator and return its folder: in the Hub's cache, or real copies in `to`, with the weights.

    `revision` is a branch, tag or commit; `main` when there is none. When the Hub cannot be reached, the
    copy in the cache is used.

    Raises:
        InputError: the repository holds no generator, or `to` is taken.
        IntegrityError: a file is not what `config.json` lists.
        NetworkError: the Hub did not give it, and the cache has none.
    """
    if to is not None and to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to}: it exists and is not empty. Give --to a new folder")
    with hub_errors(repo, revision):
        folder = _fetch(client(), repo, revision, WANTED if to is None else WHOLE)
    return folder if to is None else _copy(folder, to)


def _fetch(api: HfApi, repo: str, revision: str | None, names: tuple[str, ...]) -> Path:
    """Return the cached snapshot, checked."""
    try:
        info = api.model_info(repo, revision=revision, files_metadata=True)
    except Exception as error:
        folder = _cached(repo, revision, names) if is_unreachable(error) else None
        if folder is None:
            raise
        _check(repo, folder, names)
        say(f"{repo}: the Hub cannot be reached; using the cached copy of commit {folder.name[:12]}")
        return folder
    folder = _download(api, repo, info, names)
    if revision != info.sha:
        # Downloads at a commit leave no reference, and without one the cache cannot tell a branch offline.
        api.hf_hub_download(repo, CONFIG, revision=revision or "main")
    return folder


def _download(api: HfApi, repo: str, info: ModelInfo, names: tuple[str, ...]) -> Path:
    """Download the files of these names at the commit that `info` describes."""
    siblings = {file.rfilename: file for file in info.siblings or [] if file.rfilename in names}

    def get(name: str) -> Path:
        path = Path(api.hf_hub_download(repo, name, revision=info.sha))
        if siblings[name].lfs is None:
            check_blob(repo, path, siblings[name].blob_id)
        return path

    if CONFIG not in siblings:
        raise InputError(f"{repo}: it holds no {CONFIG}, so it is no generator of a zoo. Check the name")
    folder = get(CONFIG).parent
    # Before anything large: is it a generator at all, and all of it?
    for name in _needed(_read(repo, folder), names):
        if name not in siblings:
            raise InputError(f"{repo}: it holds no {name}. Ask its owner to push it with `zoo push`")
    for name in names:
        if name in siblings and name != CONFIG:
            get(name)
    _check(repo, folder, names)
    return folder


def _needed(config: GeneratorConfig, names: tuple[str, ...]) -> list[str]:
    """Return which of the names cannot be done without: the weights are, where they are listed."""
    return [name for name in names if name == ONNX or (name == WEIGHTS and name in config.files)]


def _read(repo: str, folder: Path) -> GeneratorConfig:
    """Return the snapshot's configuration."""
    try:
        return read_config(folder)
    except InputError as error:
        reason = str(error).removeprefix(f"{folder / CONFIG}: ").rpartition(". ")[0]
        raise InputError(
            f"{repo}: {CONFIG}: {reason}. It is no generator of a zoo: check the name"
        ) from error


def _check(repo: str, folder: Path, names: tuple[str, ...]) -> None:
    """Compare those files of the snapshot that have a sha256 with it."""
    there = [name for name in names if name not in PEOPLE_EDIT and (folder / name).is_file()]
    check_listed(repo, folder, there, _read(repo, folder))


def _cached(repo: str, revision: str | None, names: tuple[str, ...]) -> Path | None:
    """Return the snapshot that the cache holds for a revision, if nothing that is needed is missing."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(repo, CONFIG, revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    needed = _needed(_read(repo, folder), names)
    return folder if all((folder / name).is_file() for name in needed) else None


def _copy(folder: Path, to: Path) -> Path:
    """Copy a snapshot's files, not the links they are in the cache."""
    with new_folder(to.absolute()) as scratch:
        for name in WHOLE:
            if (folder / name).is_file():
                (scratch / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(folder / name, scratch / name)
    return to
