"""`zoo push` and `zoo pull`, and opening OWNER/NAME for whoever wants pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.console import say
from zoo.errors import InputError, NetworkError, UsageError
from zoo.hookspecs import hookimpl
from zoo.naming import parse_hub_name
from zoo_hub.names import hub_name
from zoo_hub.pull_command import pull
from zoo_hub.serve_command import hub_group

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.diagnosis import Finding
    from zoo.generators import Generator


@click.command()
@click.argument("name", metavar="OWNER/NAME")
@click.argument("source", metavar="[RUN|GENERATOR]", required=False, type=click.Path(path_type=Path))
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--message", metavar="TEXT", help="The commit's message.")
def push(name: str, source: Path | None, private: bool, message: str | None) -> None:
    """Publish a generator on the Hugging Face Hub, the latest run's when none is named."""
    from zoo.generator_folder import ONNX, read_config
    from zoo.runs import latest_run
    from zoo_hub.push import push as publish

    hub = hub_name(name)
    if hub.revision:
        raise UsageError(f"{name}: a push goes to the main branch. Leave @{hub.revision} out")
    folder = _folder(source or latest_run())
    if ONNX not in read_config(folder).files:
        _export(folder)
    click.echo(publish(hub.repo, folder, private=private, message=message))
    say(f"Anybody gets pictures from it with `zoo generate {hub.repo}`")


def _folder(path: Path) -> Path:
    """Return the generator folder that a path on the command line stands for."""
    from zoo.runs import generator_folder

    if not path.exists():
        raise InputError(f"{path}: there is no such folder. Give a run or a generator folder")
    folder = generator_folder(path)
    if folder is None:
        raise InputError(f"{path}: it is neither a run nor a generator folder. Give one of the two")
    return folder


def _export(folder: Path) -> None:
    """Export a generator that was never exported: the one case in which a push needs torch."""
    from zoo.generator_folder import ONNX
    from zoo_export.export import export

    say(f"{folder}: it has no {ONNX} yet, so it is exported first")
    export(folder)


@hookimpl
def zoo_register_commands(cli: click.Group) -> None:
    """Add what this package can do."""
    cli.add_command(push)
    cli.add_command(pull)
    cli.add_command(hub_group)


@hookimpl
def zoo_diagnose() -> Iterable[Finding]:
    """Look at the login and the cache, without asking the Hub."""
    from huggingface_hub import constants, get_token

    from zoo.diagnosis import Finding, folder_size

    if get_token():
        login = "there is a token; whether it is still good, only the Hub knows"
        yield Finding("Hub login", login)
    else:
        yield Finding("Hub login", "none", "note", "To publish, run hf auth login")
    yield Finding("Hub address", constants.ENDPOINT)
    cache = Path(constants.HF_HUB_CACHE)
    yield Finding("Hub cache", f"{cache}, {folder_size(cache) / 1e6:.1f} MB")


@hookimpl
def zoo_open_generator(name: str) -> Generator | None:
    """Open OWNER/NAME[@REVISION] from the Hub; a name that exists on this disk is not the Hub's."""
    hub = parse_hub_name(name)
    if hub is None or Path(name).exists():
        return None
    owner = name.partition("/")[0]
    if Path(owner).is_dir():
        raise InputError(
            f"{name}: there is no such folder in {owner}/, and with {owner}/ here the Hub is not asked. "
            f"See `zoo list`, or get it from the Hub with `zoo pull {name}`"
        )
    from zoo_export.session import OnnxGenerator
    from zoo_hub.pull import pull as fetch

    try:
        folder = fetch(hub.repo, hub.revision).folder
    except NetworkError as error:
        reason = str(error).removeprefix(f"{hub.repo}: ")
        raise NetworkError(f"{name}: there is no such folder here, and on the Hub: {reason}") from error
    return OnnxGenerator(folder, name=name)
