"""`config.json`: its bytes, read from a generator folder, checked, and made anew."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zoo.errors import InputError, refuse_newer
from zoo.generators.config import FORMAT, GeneratorConfig
from zoo.generators.files import CONFIG, CONFIG_LIMIT
from zoo.system.regular_files import read_inside
from zoo.system.strict_json import check_json

if TYPE_CHECKING:
    from pathlib import Path


def config_bytes(config: GeneratorConfig) -> bytes:
    """Return the bytes of `config.json`.

    Raises:
        InputError: there are more than are ever read of it.
    """
    text = json.dumps(config.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False)
    data = (text + "\n").encode()
    if len(data) > CONFIG_LIMIT:
        raise InputError(
            f"{CONFIG}: it would have {len(data)} bytes, and more than {CONFIG_LIMIT} are never read: a component's "
            "fields are too long. Keep what is long in a file"
        )
    return data


def read_config_bytes(folder: Path) -> bytes:
    """Return the bytes of a generator folder's `config.json`.

    Raises:
        InputError: it is missing, a link, no regular file, or too long.
    """
    path = folder / CONFIG
    try:
        return read_inside(folder, CONFIG, CONFIG_LIMIT)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(
            f"{folder}: it holds no {CONFIG}. Give a generator folder or a run that has one"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}. It is no generator's {CONFIG}") from error


def parsed(path: Path, data: bytes) -> GeneratorConfig:
    """Return the configuration that the bytes of the file `path` hold."""
    try:
        found = check_json(data)
    except ValueError as error:
        raise InputError(f"{path}: {error}. Get the generator again") from error
    if isinstance(found, dict):
        refuse_newer(path, found.get("format"), FORMAT)
    try:
        return GeneratorConfig.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{path}: {where}: {first['msg']}. Get the generator again") from error
