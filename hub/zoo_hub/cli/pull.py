"""`zoo pull`."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.arguments import NAME, PATH
from zoo.errors import InputError, quoted
from zoo.generators.bundled import bundled_folder
from zoo.system.console import say
from zoo.system.terminal import echo
from zoo_hub.names import hub_name

EXTRAS = ("fp16", "int8", "uint8", "weights")


@click.command(short_help="Download a generator from the Hub and check it.")
@click.argument("name", metavar="OWNER/NAME[@REVISION]", type=NAME)
@click.option(
    "--to",
    metavar="DIR",
    type=PATH,
    help="Put copies there: of the whole generator, or of what --with asks for.",
)
@click.option(
    "--with",
    "extras",
    type=NAME,
    metavar="fp16,int8,uint8,weights",
    help="Get these files too, besides configuration, ONNX file, card and sample picture.",
)
def pull(name: str, to: Path | None, extras: str | None) -> None:
    """Download a generator from the Hugging Face Hub and check it."""
    from zoo_hub.pull import pull as fetch

    hub = hub_name(name)
    chosen = None if extras is None else _parse_extras(extras)
    pulled = fetch(hub.repo, hub.revision, to=to, extras=chosen)
    echo(pulled.folder)
    say(f"{hub.repo}: {hub.revision or 'main'} is commit {pulled.commit}")
    say(f"Make pictures with `zoo generate {quoted(name if to is None else pulled.folder)}`")
    _explain_short_name(name, hub.repo.partition("/")[2], to)


def _explain_short_name(name: str, short: str, to: Path | None) -> None:
    """Say what the name alone means, where it is also that of a generator that comes with the package."""
    if bundled_folder(short) is None:
        return
    if to is None:
        say(
            f"`{short}` alone still means the one that comes with the package; "
            f"`zoo pull {name} --to {short}` puts this one before it, in this folder"
        )
    elif to == Path(short):
        say(f"In this folder `{short}` now means this one, not the one that comes with the package")


def _parse_extras(text: str) -> tuple[str, ...]:
    """Return the words of --with."""
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in EXTRAS:
            raise InputError(f"--with {text}: there is no {word!r}. Give some of {', '.join(EXTRAS)}")
    return words
