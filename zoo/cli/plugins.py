"""`zoo plugins`: where each comes from, and how loading it went."""

from __future__ import annotations

import click

from zoo.cli.output import json_option
from zoo.system.terminal import echo, echo_json


@click.command("plugins", short_help="List the plugins, and how loading each went.")
@json_option
def plugins_(as_json: bool) -> None:
    """List the plugins: where each comes from, how loading it went, which hooks it has."""
    from zoo.plugins.collect import load_registry
    from zoo.plugins.manager import plugins

    load_registry()
    infos = plugins().infos.values()
    if as_json:
        rows = [{**vars(row), "hooks": list(row.hooks)} for row in infos]
        echo_json(rows)
        return
    for row in infos:
        hooks = ", ".join(hook.removeprefix("zoo_") for hook in row.hooks)
        echo(f"{row.name:40} {row.distribution} {row.version:8} {row.status:9} {row.reason or hooks}")
