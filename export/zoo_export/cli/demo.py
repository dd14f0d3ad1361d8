"""`zoo demo`. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli.arguments import NAME, PATH, Whole
from zoo.errors import NetworkError, UsageError, quoted
from zoo.system.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT, HOST, PORT = Path("demo"), "127.0.0.1", 8000


@click.command(short_help="Make a web page that runs generators in the browser.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=NAME)
@click.option(
    "--out",
    type=PATH,
    help="The folder to write; an earlier page there is replaced.  [default: demo]",
)
@click.option("--serve", is_flag=True, help="Write nothing; show the page from this process until Ctrl-C.")
@click.option(
    "--runtime",
    metavar="DIR",
    type=PATH,
    help="The npm package onnxruntime-web, copied into the page; without it browsers get it from jsdelivr.",
)
@click.option(
    "--host",
    type=NAME,
    help=f"With --serve: {HOST}, which this machine alone reaches; or 0.0.0.0.  [default: {HOST}]",
)
@click.option("--port", type=Whole(0, 65535), help=f"With --serve: 0 takes a free one.  [default: {PORT}]")
def demo(
    names: tuple[str, ...],
    out: Path | None,
    serve: bool,
    runtime: Path | None,
    host: str | None,
    port: int | None,
) -> None:
    """Make a web page on which the generator runs in the browser.

    NAME is a run, a generator folder, an .onnx file or OWNER/NAME[@REVISION]; several are shown
    side by side, with the same latents.
    """
    if serve and out is not None:
        raise UsageError("--serve: it writes nothing, so --out has no use. Leave one of them out")
    if not serve and (host is not None or port is not None):
        raise UsageError("--host, --port: they say where to --serve. Add it, or leave them out")
    if serve:
        _serve(names, runtime, host or HOST, PORT if port is None else port)
        return
    from zoo.system.console import say
    from zoo_export.browser.folder import demo as write
    from zoo_export.browser.page import PAGE

    folder = out or OUT
    there = (folder / PAGE).is_file()
    echo(write(names, folder, runtime))
    if there:
        say(f"{folder}: the earlier page is replaced")
    say(f"Any web server shows it: python -m http.server -d {quoted(folder)}")


def _serve(names: Sequence[str], runtime: Path | None, host: str, port: int) -> None:
    from zoo.system.console import say, warn
    from zoo.system.loopback import is_loopback
    from zoo.system.signals import exit_code
    from zoo_export.browser.page import make_page
    from zoo_export.browser.server import PageServer

    try:
        server = PageServer({}, host, port)
    except (OSError, TypeError, ValueError) as error:  # of a name that cannot be one, too
        reason = getattr(error, "strerror", None) or str(error)
        raise NetworkError(f"{host}:{port}: {reason}. Give another --port, or another --host") from error
    with server:
        server.files = make_page(names, runtime)
        try:
            if not is_loopback(host):
                warn(f"anyone in the network can reach {server.url}, generators included")
            echo(server.url)
            server.serve_forever(poll_interval=0.1)
        except KeyboardInterrupt:
            say("Stopped.")
            raise click.exceptions.Exit(exit_code()) from None
