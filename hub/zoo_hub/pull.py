"""Getting a published generator: only the files it is made of, at one commit, checked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.atomic import new_folder
from zoo.console import say
from zoo.errors import InputError
from zoo.generator_folder import CARD, CONFIG, ONNX, SAMPLES, read_config
from zoo_hub.client import client
from zoo_hub.errors import hub_errors, is_unreachable
from zoo_hub.integrity import check_blob, check_listed

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import ModelInfo

    from zoo.generator_folder import GeneratorConfig

WANTED = (CONFIG, ONNX, SAMPLES, CARD)
"""All that is ever downloaded, whatever else a repository holds."""


def pull(repo: str, revision: str | None = None, *, to: Path | None = None) -> Path:
    """Download a generator and return its folder: in the Hub's cache, or real copies in `to`.

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
        folder = _fetch(client(), repo, revision)
    return folder if to is None else _copy(folder, to)


def _fetch(api: HfApi, repo: str, revision: str | None) -> Path:
    """Return the cached snapshot, checked."""
    try:
        info = api.model_info(repo, revision=revision, files_metadata=True)
    except Exception as error:
        folder = _cached(repo, revision) if is_unreachable(error) else None
        if folder is None:
            raise
        _check(repo, folder)
        say(f"{repo}: the Hub cannot be reached; using the cached copy of commit {folder.name[:12]}")
        return folder
    folder = _download(api, repo, info)
    if revision != info.sha:
        # Downloads at a commit leave no reference, and without one the cache cannot tell a branch offline.
        api.hf_hub_download(repo, CONFIG, revision=revision or "main")
    return folder


def _download(api: HfApi, repo: str, info: ModelInfo) -> Path:
    """Download the wanted files at the commit that `info` describes."""
    siblings = {file.rfilename: file for file in info.siblings or [] if file.rfilename in WANTED}
    if CONFIG not in siblings:
        raise InputError(f"{repo}: it holds no {CONFIG}, so it is no generator of a zoo. Check the name")
    for name in WANTED:
        if name not in siblings:
            continue
        path = Path(api.hf_hub_download(repo, name, revision=info.sha))
        if siblings[name].lfs is None:
            check_blob(repo, path, siblings[name].blob_id)
        if name == CONFIG:
            folder = path.parent
            # Before anything large: is it a generator at all?
            _read(repo, folder)
    if ONNX not in siblings:
        raise InputError(f"{repo}: it holds no {ONNX}. Ask its owner to push it with `zoo push`")
    _check(repo, folder)
    return folder


def _read(repo: str, folder: Path) -> GeneratorConfig:
    """Return the snapshot's configuration."""
    try:
        return read_config(folder)
    except InputError as error:
        reason = str(error).removeprefix(f"{folder / CONFIG}: ").rpartition(". ")[0]
        raise InputError(
            f"{repo}: {CONFIG}: {reason}. It is no generator of a zoo: check the name"
        ) from error


def _check(repo: str, folder: Path) -> None:
    """Compare every listed file of the snapshot with its sha256."""
    names = [name for name in (ONNX, SAMPLES) if (folder / name).is_file()]
    check_listed(repo, folder, names, _read(repo, folder))


def _cached(repo: str, revision: str | None) -> Path | None:
    """Return the snapshot that the cache holds for a revision, if it is complete enough to make pictures."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(repo, CONFIG, revision=revision)
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if (folder / ONNX).is_file() else None


def _copy(folder: Path, to: Path) -> Path:
    """Copy a snapshot's files, not the links they are in the cache."""
    with new_folder(to.absolute()) as scratch:
        for name in WANTED:
            if (folder / name).is_file():
                (scratch / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(folder / name, scratch / name)
    return to
