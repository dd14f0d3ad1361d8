"""`zoo hub serve`: a Hub on this machine, for a class room or a laboratory without internet access."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH, Whole
from zoo.cli.group import CommandGroup
from zoo.errors import InputError, NetworkError
from zoo.system.console import say, warn
from zoo.system.paths import refuse_missing_parent
from zoo.system.regular_files import read_regular
from zoo.system.terminal import echo
from zoo_hub.names import parse_hub_name

if TYPE_CHECKING:
    from pathlib import Path

TOKEN_LIMIT = 1000


@click.group("hub", cls=CommandGroup)
def hub_group() -> None:
    """A Hugging Face Hub of your own."""


@hub_group.command()
@click.argument("folder", metavar="[DIR]", default="zoo-hub", type=PATH)
@click.option("--port", type=Whole(0, 65535), default=8090, help="8090; 0 takes a free one.")
@click.option(
    "--host", type=NAME, default="127.0.0.1", help="127.0.0.1, which this machine alone reaches; or 0.0.0.0."
)
@click.option(
    "--user",
    "users",
    multiple=True,
    type=NAME,
    metavar="NAME:TOKEN",
    help="Who may write to NAME/...; again for more people. Without it `me`, with a token that is made up.",
)
def serve(folder: Path, port: int, host: str, users: tuple[str, ...]) -> None:
    """Serve a Hub from DIR (zoo-hub), without an account, until Ctrl-C."""
    from zoo.system.signals import exit_code
    from zoo_hub.server.hub import LocalHub

    names_by_token = _parse_users(users) if users else {}
    refuse_missing_parent(folder, "DIR")
    try:
        hub = LocalHub(folder, names_by_token, port, host)
    except OSError as error:
        reason = error.strerror or str(error)
        raise NetworkError(f"{host}:{port}: {reason}. Give another --port, or another --host") from error
    if not names_by_token:
        names_by_token[_own_token(folder)] = "me"
    with hub:
        try:
            _print_instructions(hub.url, host, folder, names_by_token)
            threading.Event().wait()
        except KeyboardInterrupt:
            say(f"Stopped. Everything that was pushed is in {folder}")
            raise click.exceptions.Exit(exit_code()) from None


def _parse_users(users: tuple[str, ...]) -> dict[str, str]:
    """Return the users' names by their tokens, from NAME:TOKEN."""
    names_by_token: dict[str, str] = {}
    for user in users:
        name, _, token = user.partition(":")
        # Tokens go into a header, and are not repeated in an error.
        if parse_hub_name(f"{name}/x") is None or "/" in name or not re.fullmatch(r"[!-~]{4,200}", token):
            raise InputError(
                f"--user {name or '(no name)'}: NAME or TOKEN is missing, too short, or cannot be one. "
                "Give NAME:TOKEN, as in me:hf_me"
            )
        if token in names_by_token:
            raise InputError(
                f"--user {name}: {names_by_token[token]} has the same token. Give everybody their own"
            )
        names_by_token[token] = name
    return names_by_token


def _own_token(folder: Path) -> str:
    """Return the token that was generated for this folder, the same at every start."""
    import secrets

    from zoo_hub.server.store import TOKEN_FILE
    from zoo_hub.server.synced_files import write_synced

    path = folder / TOKEN_FILE
    if not path.is_file():
        write_synced(path, f"hf_{secrets.token_hex(16)}\n".encode())
    try:
        token = read_regular(path, TOKEN_LIMIT).decode("ascii", "replace").strip()
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror}. Mend that") from error
    if not re.fullmatch(r"[!-~]{4,200}", token):
        raise InputError(f"{path}: it holds no token. Remove it, and another one is made up")
    return token


def _print_instructions(url: str, host: str, folder: Path, names_by_token: dict[str, str]) -> None:
    """Print where the Hub is and what to paste."""
    from zoo.system.loopback import is_loopback

    token, name = next(iter(names_by_token.items()))
    if not is_loopback(host):
        warn(
            f"anyone in the network can reach {url}: public repositories are read without a token, writing and "
            "private ones need one, and nothing is encrypted, tokens included"
        )
        url = _reachable(url)
    say(f"A Hub at {url}, kept in {folder}; {', '.join(names_by_token.values())} may write. Ctrl-C stops it.")
    say("To use it, paste this into another terminal:")
    echo(f"export HF_ENDPOINT={url} HF_HUB_DISABLE_XET=1")
    echo(f"export HF_TOKEN={token}  # {name}")


def _reachable(url: str) -> str:
    """Return the URL with this machine's address in place of the wildcard address, 0.0.0.0 or [::]."""
    import socket

    for wildcard, family, documentation in (
        ("0.0.0.0", socket.AF_INET, "192.0.2.1"),
        ("[::]", socket.AF_INET6, "2001:db8::1"),
    ):
        if f"//{wildcard}:" in url:
            # Nothing is sent: the system only says which of its addresses it would send from.
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                try:
                    probe.connect((documentation, 9))
                    own = probe.getsockname()[0]
                except OSError:
                    own = socket.gethostname()
            return url.replace(wildcard, f"[{own}]" if ":" in own else own)
    return url
