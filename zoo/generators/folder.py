"""The generator folder: what a run ends with and what the Hub holds. Reading it imports neither torch nor plugins.

config.json  model.safetensors  samples.png  onnx/model.onnx  README.md
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import IO, TYPE_CHECKING, Self

from zoo.errors import InputError, IntegrityError
from zoo.generators.config import FileRecord
from zoo.generators.config_file import config_bytes, parsed, read_config_bytes
from zoo.generators.files import CARD, CONFIG, LIMITS, PEOPLE_EDIT, is_safe_name
from zoo.system.atomic import disk_errors, sha256_of, write_atomic
from zoo.system.paths import given_path
from zoo.system.regular_files import open_inside, read_inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zoo.generators.config import GeneratorConfig

PIECE = 1 << 20


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
        return cls._from_bytes(path, read_config_bytes(path))

    @classmethod
    def given(cls, folder: object) -> Self:
        """Return a folder that a caller has opened, or open the path that it gave; raises as `open` does."""
        return folder if isinstance(folder, cls) else cls.open(given_path(folder, "folder", needed=True))

    def current(self) -> Self:
        """Return this folder, opened again if its `config.json` no longer has the bytes that were read.

        Raises:
            InputError: `config.json` was changed, and is now as `open` refuses it.
        """
        data = read_config_bytes(self.path)
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

    def with_config(self, config: GeneratorConfig) -> Self:
        """Write another `config.json` that lists the same files, and return the folder as it is then."""
        return self._write_config(self.path, config, self.config.files)

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

    def open_file(self, name: str) -> IO[bytes]:
        """Open a file by its name, for reading.

        Raises:
            InputError: it is no regular file, or a link (but for those of the Hub's cache: see `open_inside`).
            IntegrityError: it is missing.
        """
        if not is_safe_name(name):
            raise InputError(
                f"{self.file(CONFIG)}: it lists the file {name!r}, which is outside the folder. Discard it"
            )
        path = self.file(name)
        try:
            return open_inside(self.path, name)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise IntegrityError(
                f"{path}: {CONFIG} lists it, but it is missing. Get the generator again"
            ) from error
        except OSError as error:
            raise InputError(
                f"{path}: it cannot be read: {error.strerror}. Put the file itself there"
            ) from error

    def read(self, name: str) -> bytes:
        """Return the bytes of a listed file, which are those that were listed; raises as `verify` does."""
        record = self.config.files[name]
        with self.open_file(name) as file:
            self._check_size(name, file, record)
            data = file.read(record.size + 1)
        self._check_digest(name, _sha256(data), record)
        return data

    def verify(self, names: tuple[str, ...] | None = None) -> Self:
        """Check the listed files (or just `names`) against their sizes and sha256 and return the folder.

        Raises:
            InputError: `config.json` lists a name outside the folder, or a file is a link or no regular file.
            IntegrityError: a file is missing or its bytes are not those that were listed.
        """
        for name, record in self.config.files.items():
            if names is None or name in names:
                with self.open_file(name) as file:
                    self._check_size(name, file, record)
                    self._check_digest(name, sha256_of(file), record)
        return self

    def copy_file(self, name: str, to: Path) -> None:
        """Copy a listed file to the new file `to`, checking the bytes on their way; raises as `verify` does."""
        record, digest = self.config.files[name], hashlib.sha256()
        with self.open_file(name) as file, disk_errors(to), to.open("xb") as copy:
            self._check_size(name, file, record)
            while piece := file.read(PIECE):
                digest.update(piece)
                copy.write(piece)
        self._check_digest(name, digest.hexdigest(), record)

    def read_config(self) -> bytes:
        """Return the bytes of `config.json`; raises InputError where they are no longer those that were opened."""
        data = read_config_bytes(self.path)
        if _sha256(data) != self.digest:
            raise InputError(f"{self.file(CONFIG)}: it was changed meanwhile. Try again")
        return data

    def read_card(self) -> bytes | None:
        """Return the bytes of the card, None where there is none.

        Raises:
            InputError: it is a link, no regular file, or too long: nobody would know what is published with it.
        """
        try:
            return read_inside(self.path, CARD, LIMITS[CARD])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(
                f"{self.file(CARD)}: it cannot be read: {error.strerror}. Put the text itself there, or remove it"
            ) from error

    def _check_size(self, name: str, file: IO[bytes], record: FileRecord) -> None:
        size = os.fstat(file.fileno()).st_size
        if size != record.size:
            raise IntegrityError(
                f"{self.file(name)}: it has {size} bytes, {CONFIG} says {record.size}. Get the generator again"
            )

    def _check_digest(self, name: str, found: str, record: FileRecord) -> None:
        if found != record.sha256:
            raise IntegrityError(
                f"{self.file(name)}: its sha256 is {found[:12]}..., {CONFIG} says {record.sha256[:12]}.... "
                "Get the generator again"
            )

    @classmethod
    def _from_bytes(cls, path: Path, data: bytes) -> Self:
        return cls(path, parsed(path / CONFIG, data), _sha256(data))

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
            _refuse_link_on_the_way(path, name)
            write_atomic(path / name, data)
        return cls._write_config(path, config, {**config.files, **new})

    @classmethod
    def _write_config(cls, path: Path, config: GeneratorConfig, files: Mapping[str, FileRecord]) -> Self:
        updated = config.model_copy(update={"files": dict(sorted(files.items()))})
        data = config_bytes(updated)
        write_atomic(path / CONFIG, data)
        return cls(path, updated, _sha256(data))


def _refuse_link_on_the_way(folder: Path, name: str) -> None:
    """Refuse to write a file into a folder that a link inside the generator's leads to."""
    for inside in PurePosixPath(name).parents[:-1]:
        if (folder / inside).is_symlink():
            raise InputError(
                f"{folder / inside}: it is a link, and what is in a generator's folder is no other's. "
                "Put a folder there"
            )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
