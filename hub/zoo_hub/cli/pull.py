"""`zoo pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH
from zoo.errors import InputError
from zoo.system.console import say
from zoo_hub.names import hub_name

if TYPE_CHECKING:
    from pathlib import Path

EXTRAS = ("fp16", "int8", "uint8", "weights")


@click.command()
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
    click.echo(pulled.folder)
    say(f"{hub.repo}: {hub.revision or 'main'} is commit {pulled.commit}")
    say(f"Make pictures with `zoo generate {name if to is None else pulled.folder}`")


def _parse_extras(text: str) -> tuple[str, ...]:
    """Return the words of --with."""
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in EXTRAS:
            raise InputError(f"--with {text}: there is no {word!r}. Give some of {', '.join(EXTRAS)}")
    return words
