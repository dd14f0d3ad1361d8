"""From a NAME to a generator that makes pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.__about__ import DISTRIBUTION
from zoo.errors import InputError, ZooError
from zoo.plugins.manager import DISABLE, plugins

if TYPE_CHECKING:
    from os import PathLike

    from zoo.generators.generator import Generator


def load(name: str | PathLike[str]) -> Generator:
    """Open a generator: a run folder, a generator folder, an `.onnx` file, or `OWNER/NAME[@REVISION]` on the Hub.

    Whatever exists on this disk is taken as a path, anything else as a Hub name.

    Raises:
        InputError: nothing can open it, or what is there is no generator.
        IntegrityError: its bytes are not what its `config.json` lists.
        NetworkError: the Hub does not give it.
    """
    # pluggy asks the newest plugin first; here the built-in ones are.
    openers = sorted(
        plugins().calls("zoo_open_generator"), key=lambda call: call[0].distribution != DISTRIBUTION
    )
    for plugin, opener in openers:
        try:
            generator: Generator | None = opener(name=str(name))
        except Exception as error:
            if isinstance(error, ZooError) or plugin.distribution == DISTRIBUTION:
                raise
            raise InputError(
                f"{name}: plugin {plugin.name} of {plugin.distribution} failed to open it: "
                f"{type(error).__name__}: {error}. Set {DISABLE}={plugin.distribution} to do without it"
            ) from error
        if generator is not None:
            return generator
    raise InputError(
        f"{name}: there is no such run, generator folder or .onnx file, and it is no Hub name like OWNER/NAME. "
        "See `zoo list`"
    )
