"""`python -m tests.support.hub.run push ...`: the Hub's two commands alone, with the exit codes of `zoo`."""

from __future__ import annotations

import sys

import click

from zoo.errors import ZooError
from zoo_hub.hooks import zoo_register_commands


def main() -> int:
    """Run a command and return its exit code."""
    cli = click.Group()
    zoo_register_commands(cli)
    try:
        cli.main(standalone_mode=False)
    except ZooError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
