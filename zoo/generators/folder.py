"""The generator folder: what a run ends with and what the Hub holds. Reading it imports neither torch nor plugins.

config.json  model.safetensors  samples.png  onnx/model.onnx  README.md
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from pydantic import ValidationError

from zoo.errors import InputError, IntegrityError
from zoo.generators.config import FileRecord, GeneratorConfig
from zoo.generators.files import CONFIG, CONFIG_LIMIT, PEOPLE_EDIT, is_safe_name
from zoo.system.atomic import sha256_file, write_atomic
from zoo.system.paths import given_path
from zoo.system.strict_json import check_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def is_generator_folder(path: Path) -> bool:
    """Whether `path` looks like a generator folder."""
    return (path / CONFIG).is_file()


@dataclass(frozen=True)
class GeneratorFolder:
    """A generator folder with its `config.json`, which is parsed and checked once, when the folder is opened."""

    path: Path
    config: GeneratorConfig
    digest: str = field(repr=False)
    """The sha256 of the bytes of `config.json` that `config` was made from."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read and check a folder's `config.json`.

        Raises:
            InputError: it is missing, over 1 MiB, no JSON or ambiguous JSON, or a field is wrong.
        """
        return cls._from_bytes(path, _config_bytes(path))

    @classmethod
    def given(cls, folder: object) -> Self:
        """Return a folder that a caller has opened, or open the path that it gave; raises as `open` does."""
        return folder if isinstance(folder, cls) else cls.open(given_path(folder, "folder", needed=True))

    def current(self) -> Self:
        """Return this folder, opened again if its `config.json` no longer has the bytes that were read.

        Raises:
            InputError: `config.json` was changed, and is now as `open` refuses it.
        """
        data = _config_bytes(self.path)
        return self if _sha256(data) == self.digest else self._from_bytes(self.path, data)

    @classmethod
    def write(cls, path: Path, files: Mapping[str, bytes], config: GeneratorConfig) -> Self:
        """Write files, then `config` with their hashes added, into a folder that may be new.

        `files` maps names relative to the folder (`onnx/model.onnx`) to bytes. Each is committed by a rename.

        A listed file that changes is first taken off the list: whoever is killed in between leaves a file that is not
        listed, which the next export replaces, and never one that belies its hash.
        """
        try:
            there = cls.open(path)
        except InputError:
            there = None  # a new folder, or one whose list is damaged and belies everything already
        return cls._replace(there, path, files, config)

    def add_files(self, files: Mapping[str, bytes]) -> Self:
        """Write files into the folder and add their hashes to the list; return the folder as it is then.

        It is done as in `write`. What others wrote into `config.json` since it was read stays.

        Raises:
            InputError: `config.json` was changed, and is now as `open` refuses it.
        """
        there = self.current()
        return self._replace(there, self.path, files, there.config)

    def file(self, name: str) -> Path:
        """Return the path of a file by its name relative to the folder."""
        return self.path / name

    def lists(self, name: str) -> bool:
        """Whether `config.json` lists a file of this name."""
        return name in self.config.files

    @property
    def size(self) -> int:
        """The bytes of all listed files."""
        return sum(record.size for record in self.config.files.values())

    def verify(self, names: tuple[str, ...] | None = None) -> Self:
        """Check the listed files (or just `names`) against their sizes and sha256 and return the folder.

        Raises:
            InputError: `config.json` lists a name outside the folder.
            IntegrityError: a file is missing or its bytes are not those that were listed.
        """
        for name, record in self.config.files.items():
            if names is None or name in names:
                self._verify_file(name, record)
        return self

    def _verify_file(self, name: str, record: FileRecord) -> None:
        if not is_safe_name(name):
            raise InputError(
                f"{self.file(CONFIG)}: it lists the file {name!r}, which is outside the folder. Discard it"
            )
        path = self.file(name)
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

    @classmethod
    def _from_bytes(cls, path: Path, data: bytes) -> Self:
        return cls(path, _parsed(path / CONFIG, data), _sha256(data))

    @classmethod
    def _replace(
        cls, there: Self | None, path: Path, files: Mapping[str, bytes], config: GeneratorConfig
    ) -> Self:
        """Write files and configuration over `there`, the folder as it is, or into a new one."""
        new = {
            name: FileRecord(sha256=_sha256(data), size=len(data))
            for name, data in files.items()
            if name not in PEOPLE_EDIT
        }
        if there is not None:
            listed = there.config.files
            kept = {name: record for name, record in listed.items() if new.get(name, record) == record}
            if kept != listed:
                cls._write_config(path, there.config, kept)
        for name, data in files.items():
            write_atomic(path / name, data)
        return cls._write_config(path, config, {**config.files, **new})

    @classmethod
    def _write_config(cls, path: Path, config: GeneratorConfig, files: Mapping[str, FileRecord]) -> Self:
        updated = config.model_copy(update={"files": dict(sorted(files.items()))})
        data = config_bytes(updated)
        write_atomic(path / CONFIG, data)
        return cls(path, updated, _sha256(data))


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


def _config_bytes(folder: Path) -> bytes:
    path = folder / CONFIG
    if not path.is_file():
        raise InputError(f"{folder}: it holds no {CONFIG}. Give a generator folder or a run that has one")
    size = path.stat().st_size
    if size > CONFIG_LIMIT:
        raise InputError(
            f"{path}: it has {size} bytes, more than {CONFIG_LIMIT}. It is no generator's {CONFIG}"
        )
    return path.read_bytes()


def _parsed(path: Path, data: bytes) -> GeneratorConfig:
    """Return the configuration that the bytes of the file `path` hold."""
    try:
        check_json(data)
    except ValueError as error:
        raise InputError(f"{path}: {error}. Get the generator again") from error
    try:
        return GeneratorConfig.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{path}: {where}: {first['msg']}. Get the generator again") from error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
