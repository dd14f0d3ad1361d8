"""Publishing a generator: one commit that holds the generator folder's files and nothing else."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import TYPE_CHECKING

from zoo.console import say
from zoo.errors import InputError
from zoo.generator_folder import CARD, CONFIG, ONNX, SAMPLES, WEIGHTS, verify
from zoo_hub.card import write_card
from zoo_hub.client import client, endpoint
from zoo_hub.errors import hub_errors

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generator_folder import GeneratorConfig

PUBLISHED = (WEIGHTS, SAMPLES, "onnx/*.onnx", "onnx/report.json")
"""Which of the files that `config.json` lists are published; `config.json` and the card always are."""


def push(repo: str, folder: Path, *, private: bool = False, message: str | None = None) -> str:
    """Publish a generator folder as OWNER/NAME, made if it is not there yet, and return its address.

    Writes the model card into the folder first, unless people have edited the one that is there.

    Raises:
        InputError: it is no generator folder, has no ONNX file, or a public repository is to be private.
        IntegrityError: a file is not what `config.json` lists.
        NetworkError: the Hub did not take it.
    """
    config = verify(folder)
    if ONNX not in config.files:
        raise InputError(f"{folder}: it has no {ONNX}. Run `zoo export {folder} --onnx` first")
    if not write_card(folder, repo, config):
        say(f"{folder / CARD} was edited: it is published as it is")
    with hub_errors(repo):
        changed = _commit(repo, folder, published(config), private, message or f"Publish {config.recipe}")
    if not changed:
        say(f"{repo}: nothing changed since the last push, so there is no new commit")
    return f"{endpoint()}/{repo}"


def published(config: GeneratorConfig) -> list[str]:
    """Return the names of the files to publish, sorted."""
    listed = [name for name in config.files if any(fnmatch(name, pattern) for pattern in PUBLISHED)]
    return sorted([CONFIG, CARD, *listed])


def _commit(repo: str, folder: Path, names: list[str], private: bool, message: str) -> bool:
    """Make the repository if needed and commit the files; return whether there was anything to commit."""
    from huggingface_hub import CommitOperationAdd

    api = client()
    # None leaves it to the owner's own default, which may be private.
    api.create_repo(repo, private=private or None, exist_ok=True)
    before = api.model_info(repo)
    if private and not before.private:
        raise InputError(
            f"{repo}: it exists and is public, and --private is for new repositories. "
            "Make it private in its settings, or push without --private"
        )
    operations = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in names]
    # With the parent named, a push that comes between two others is refused instead of mixing with them.
    commit = api.create_commit(repo, operations, commit_message=message, parent_commit=before.sha)
    return commit.oid != before.sha
