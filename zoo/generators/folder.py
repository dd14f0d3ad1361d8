"""The generator folder: what a run ends with and what the Hub holds. Reading it imports neither torch nor plugins.

config.json  model.safetensors  samples.png  onnx/model.onnx  README.md
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zoo.errors import InputError, IntegrityError
from zoo.generators.config import FileRecord, GeneratorConfig
from zoo.generators.files import CONFIG, CONFIG_LIMIT, PEOPLE_EDIT, is_safe_name
from zoo.system.atomic import sha256_file, write_atomic
from zoo.system.strict_json import check_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def is_generator_folder(path: Path) -> bool:
    """Whether `path` looks like a generator folder."""
    return (path / CONFIG).is_file()


def read_config(folder: Path) -> GeneratorConfig:
    """Read and check a folder's `config.json`.

    Raises:
        InputError: it is missing, over 1 MiB, no JSON or ambiguous JSON, or a field is wrong.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise InputError(f"{folder}: it holds no {CONFIG}. Give a generator folder or a run that has one")
    size = path.stat().st_size
    if size > CONFIG_LIMIT:
        raise InputError(
            f"{path}: it has {size} bytes, more than {CONFIG_LIMIT}. It is no generator's {CONFIG}"
        )
    data = path.read_bytes()
    try:
        check_json(data)
    except ValueError as error:
        raise InputError(f"{path}: {error}. Get the generator again") from error
    try:
        return GeneratorConfig.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{path}: {field}: {first['msg']}. Get the generator again") from error


def add_files(
    folder: Path, files: Mapping[str, bytes], config: GeneratorConfig | None = None
) -> GeneratorConfig:
    """Write files into a generator folder, then `config.json` with their hashes, each committed by a rename.

    A listed file that changes is first taken off the list: whoever is killed in between leaves a file that is not
    listed, which the next export replaces, and never one that belies its hash.

    `files` maps names relative to the folder (`onnx/model.onnx`) to bytes. Without `config` the folder's own is
    kept and only its `files` list changes. Returns the configuration now in the folder.
    """
    config = config or read_config(folder)
    new = {
        name: FileRecord(sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        for name, data in files.items()
        if name not in PEOPLE_EDIT
    }
    _take_off_the_list(folder, new)
    for name, data in files.items():
        write_atomic(folder / name, data)
    return _write_config(folder, config, {**config.files, **new})


def _take_off_the_list(folder: Path, new: Mapping[str, FileRecord]) -> None:
    try:
        there = read_config(folder)
    except InputError:
        return  # a new folder, or one whose list is damaged and belies everything already
    kept = {name: record for name, record in there.files.items() if new.get(name, record) == record}
    if kept != there.files:
        _write_config(folder, there, kept)


def _write_config(folder: Path, config: GeneratorConfig, files: Mapping[str, FileRecord]) -> GeneratorConfig:
    updated = config.model_copy(update={"files": dict(sorted(files.items()))})
    text = json.dumps(updated.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_atomic(folder / CONFIG, text.encode())
    return updated


def verify(folder: Path, names: tuple[str, ...] | None = None) -> GeneratorConfig:
    """Check the listed files (or just `names`) against their sizes and sha256 and return the configuration.

    Raises:
        InputError: `config.json` is wrong, or lists a name outside the folder.
        IntegrityError: a file is missing or its bytes are not those that were listed.
    """
    config = read_config(folder)
    for name, record in config.files.items():
        if names is not None and name not in names:
            continue
        if not is_safe_name(name):
            raise InputError(
                f"{folder / CONFIG}: it lists the file {name!r}, which is outside the folder. Discard it"
            )
        path = folder / name
        if not path.is_file():
            raise IntegrityError(f"{path}: {CONFIG} lists it, but it is missing. Get the generator again")
        size = path.stat().st_size
        if size != record.size:
            raise IntegrityError(
                f"{path}: it has {size} bytes, {CONFIG} says {record.size}. Get the generator again"
            )
        found = sha256_file(path)
        if found != record.sha256:
            raise IntegrityError(
                f"{path}: its sha256 is {found[:12]}..., {CONFIG} says {record.sha256[:12]}.... "
                "Get the generator again"
            )
    return config
