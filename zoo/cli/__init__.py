"""The command `zoo`: click at the door, everything heavy behind it."""

from __future__ import annotations

import os
import sys
import traceback

import click

from zoo import __version__
from zoo.cli.look import info, list_, plugins_
from zoo.cli.train import resume, train
from zoo.errors import ZooError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="zoo")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train GANs from recipes, export the generator to ONNX, publish it, make pictures."""


for command in (train, resume, list_, info, plugins_):
    cli.add_command(command)


def main() -> None:
    """Run the command line; errors become one line on stderr and an exit code."""
    debug = "--debug" in sys.argv[1:]
    try:
        _add_plugin_commands()
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
    except ZooError as error:
        _fail(str(error), error.exit_code, debug)
    except click.UsageError as error:
        hint = error.ctx.command_path if error.ctx else "zoo"
        _fail(f"{error.format_message().rstrip('.')}. See `{hint} --help`", 2, debug)
    except click.ClickException as error:
        _fail(error.format_message(), 3, debug)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted: nothing is left half-written. Run it again when you like", 130, debug)
    except BrokenPipeError:
        # Whoever read our output (head, less) has gone: that is their right.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except MemoryError:
        _fail("memory: there is not enough of it. Use a smaller batch", 5, debug)
    sys.exit(code if isinstance(code, int) else 0)


def _add_plugin_commands() -> None:
    from zoo.plugins import plugins

    for info_, function in list(plugins().calls("zoo_register_commands")):
        with plugins().tolerant(info_):
            function(cli)


def _fail(message: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    one_line = " ".join(message.split())
    print(f"zoo: error: {one_line}", file=sys.stderr)
    sys.exit(code)
