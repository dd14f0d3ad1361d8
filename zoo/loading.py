"""From a NAME to a generator that makes pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.plugins import plugins

if TYPE_CHECKING:
    from os import PathLike

    from zoo.generators import Generator


def load(name: str | PathLike[str]) -> Generator:
    """Open a generator: a run folder, a generator folder, an `.onnx` file, or `OWNER/NAME[@REVISION]` on the Hub.

    Whatever exists on this disk is taken as a path, anything else as a Hub name.

    Raises:
        InputError: nothing can open it, or what is there is no generator.
        IntegrityError: its bytes are not what its `config.json` lists.
        NetworkError: the Hub does not give it.
    """
    generator: Generator | None = plugins().manager.hook.zoo_open_generator(name=str(name))
    if generator is None:
        raise InputError(
            f"{name}: there is no such run, generator folder or .onnx file, and it is no Hub name like OWNER/NAME. "
            "See `zoo list`"
        )
    return generator
