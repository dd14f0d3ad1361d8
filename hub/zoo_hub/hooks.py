"""The hooks that this package implements: its commands, and opening, finding and describing generators on the Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import InputError, NetworkError
from zoo.generators.bundled import bundled_folder
from zoo.hookspecs import hookimpl
from zoo_hub.cli.cache import cache
from zoo_hub.cli.pull import pull
from zoo_hub.cli.push import push
from zoo_hub.cli.serve import hub_group
from zoo_hub.names import parse_hub_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import click

    from zoo.generators.generator import Generator
    from zoo.hookspecs import Finding
    from zoo_hub.names import HubName


@hookimpl
def zoo_register_commands(cli: click.Group) -> None:
    """Add `push`, `pull`, `hub` and `cache`."""
    cli.add_command(push)
    cli.add_command(pull)
    cli.add_command(hub_group)
    cli.add_command(cache)


@hookimpl
def zoo_diagnose() -> Iterable[Finding]:
    """Report on the login, the Hub's address and the cache, without a request to the Hub."""
    from huggingface_hub import constants, get_token

    from zoo.hookspecs import Finding
    from zoo.system.cache import folder_size
    from zoo_hub.client.retry import token_problem

    token = get_token()
    problem = token_problem(token or "")
    if problem:
        yield Finding("Hub login", f"there is a token, but its {problem}", "note", "Copy it again")
    elif token:
        login = "there is a token; whether it is still good, only the Hub knows"
        yield Finding("Hub login", login)
    else:
        yield Finding("Hub login", "none", "note", "To publish, run hf auth login")
    yield Finding("Hub address", constants.ENDPOINT)
    cache = Path(constants.HF_HUB_CACHE)
    yield Finding("Hub cache", f"{cache}, {folder_size(cache) / 1e6:.1f} MB")


@hookimpl
def zoo_find_generators(owner: str | None, search: str | None) -> Iterable[Mapping[str, Any]]:
    """Find generators on the Hub."""
    from zoo_hub.catalogue import find

    return find(owner, search)


@hookimpl
def zoo_describe_name(name: str) -> Mapping[str, Any] | None:
    """Describe OWNER/NAME[@REVISION] on the Hub, without downloading its weights."""
    hub = _parse_unless_path(name)
    if hub is None:
        return None
    from zoo_hub.catalogue import describe

    return describe(hub)


def _parse_unless_path(name: str) -> HubName | None:
    """Return the parts of a name on the Hub; None for any other name, and for a path that exists on this disk."""
    hub = parse_hub_name(name)
    if hub is None or Path(name).exists():
        return None
    owner = name.partition("/")[0]
    if Path(owner).is_dir():
        from zoo.runs.lock import near_runs

        raise InputError(
            f"{name}: there is no such folder in {owner}/, and with {owner}/ here the Hub is not asked. "
            f"{near_runs(Path(name)) or f'See `zoo list`, or get it from the Hub with `zoo pull {name}`'}"
        )
    return hub


def _of_default_owner(name: str) -> HubName | None:
    """Return the parts of a name without an owner; None for what is on this disk or comes with the package."""
    owner = os.environ.get("ZOO_HUB_OWNER", "").strip()
    if not owner or "/" in name or Path(name).exists() or bundled_folder(name) is not None:
        return None
    hub = parse_hub_name(f"{owner}/{name}")
    if hub is None and parse_hub_name(f"{owner}/name") is None:
        raise InputError(
            f"ZOO_HUB_OWNER: {owner!r} is no owner on the Hub. Set it to a user or an organisation"
        )
    return hub


@hookimpl
def zoo_open_generator(name: str) -> Generator | None:
    """Open OWNER/NAME[@REVISION] from the Hub, or NAME of the owner that `ZOO_HUB_OWNER` names."""
    hub = _parse_unless_path(name) or _of_default_owner(name)
    if hub is None:
        return None
    from zoo_export.runtime.session import OnnxGenerator
    from zoo_hub.pull import pull as fetch

    try:
        folder = fetch(hub.repo, hub.revision).folder
    except NetworkError as error:
        reason = str(error).removeprefix(f"{hub.repo}: ")
        where = "on the Hub" if "/" in name else f"on the Hub, as {hub.repo}"
        raise NetworkError(f"{name}: there is no such folder here, and {where}: {reason}") from error
    return OnnxGenerator(folder, name=name)
