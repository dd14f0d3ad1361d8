"""Checkpoints: tensors in safetensors, plain values in JSON, a manifest of hashes, committed by one rename."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save, save_file

from zoo.errors import InputError, IntegrityError, ResourceError, refuse_newer
from zoo.evaluation.weights import plain_tensors
from zoo.runs.checkpoints.names import (
    FORMAT,
    MANIFEST,
    TENSORS,
    VALUES,
    checkpoint_path,
    checkpoints,
    is_ours,
)
from zoo.runs.checkpoints.nesting import State, parts, put_tensors
from zoo.system.atomic import new_folder, sha256_file
from zoo.system.disk_space import refuse_without_room
from zoo.system.regular_files import UnfitFileError, read_regular
from zoo.system.strict_json import parse_object

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

MANIFEST_LIMIT = 1 << 16
"""Bytes of a manifest that are read: two names and two hashes."""
VALUES_LIMIT = 16 << 20
"""Bytes of the plain values that are read: they have 10,000, and 1,000 more for each step since the log was written."""
Check = Callable[[State], None]


def save_checkpoint(run: Path, step: int, state: State) -> Path:
    """Write a checkpoint folder whole or not at all.

    Raises:
        ResourceError: it cannot be written; earlier checkpoints are as they were.
    """
    path = checkpoint_path(run, step)
    tensors, values = parts(state)
    size = _size(tensors, values)
    refuse_without_room(path, size)
    with new_folder(path, size, is_ours) as scratch:
        _write_tensors(tensors, scratch / TENSORS)
        (scratch / VALUES).write_bytes(values)
        hashes = {name: sha256_file(scratch / name) for name in (TENSORS, VALUES)}
        (scratch / MANIFEST).write_text(json.dumps({"format": FORMAT, **hashes}))
    return path


def checkpoint_bytes(state: State) -> int:
    """Return how many bytes `save_checkpoint` writes for a state: never fewer, and at most a digit a tensor more."""
    return _size(*parts(state))


def refuse_unsavable(state: State) -> None:
    """Refuse a state that a checkpoint cannot hold.

    Raises:
        InputError: it holds other things than tensors of common types, numbers and text.
    """
    tensors, _ = parts(state)
    for name, tensor in tensors.items():
        try:
            save({"": torch.empty(0, dtype=tensor.dtype)})
        except (SafetensorError, KeyError, ValueError) as error:
            raise InputError(
                f"{name.lstrip('/')}: safetensors cannot hold {tensor.dtype}. Use another type"
            ) from error


def _size(tensors: dict[str, Tensor], values: bytes) -> int:
    data = sum(tensor.nbytes for tensor in tensors.values())
    # As safetensors writes it, with the longest name of a type and the largest offsets that there can be.
    header = {
        name: {"dtype": "F8_E4M3", "shape": list(tensor.shape), "data_offsets": [data, data]}
        for name, tensor in tensors.items()
    }
    length = 8 + len(json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()) + 7
    manifest = json.dumps(dict.fromkeys((TENSORS, VALUES), "0" * 64))
    return length + data + len(values) + len(manifest)


def _write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    plain = plain_tensors(tensors)
    try:
        save_file(plain, path)
    except SafetensorError as error:
        # Its writer reports the operating system's errors as text only.
        number = re.search(r"\(os error (\d+)\)", str(error))
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, os.strerror(code)) from error


def load_checkpoint(path: Path, check: Check | None = None, most: int | None = None) -> State:
    """Read a checkpoint back after checking its hashes.

    Args:
        path: its folder.
        check: raises ValueError with a clause for people where the state is none to go on from.
        most: bytes that its tensors may have; they are hashed only if it has no more.

    Raises:
        IntegrityError: a file is missing, its bytes are not those that were written, or it holds something else.
        NewerFormatError: a newer zoo wrote it.
        ResourceError: it cannot be read, whole as it may be.
    """
    try:
        _check_hashes(path, most)
        state: State = put_tensors(_values(path), _tensors(path))
        if check is not None:
            check(state)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, UnfitFileError) as error:
        raise IntegrityError(f"{path}: the checkpoint is incomplete ({error}). Use another") from error
    except OSError as error:
        raise ResourceError(f"{path}: it cannot be read: {error.strerror}. Mend that, and go on") from error
    except ValueError as error:
        raise IntegrityError(f"{path}: {error}. Use another checkpoint") from error
    return state


def newest_good(
    run: Path, check: Check | None = None, most: int | None = None
) -> tuple[State | None, list[str]]:
    """Return the newest checkpoint that is whole and passes `check`, and what was wrong with those after it."""
    problems: list[str] = []
    for path in reversed(checkpoints(run)):
        try:
            return load_checkpoint(path, check, most), problems
        except IntegrityError as error:
            problems.append(str(error))
    return None, problems


def _object(path: Path, name: str, limit: int) -> dict[str, Any]:
    """Return what a JSON file of a checkpoint holds; its format must not be of a later release."""
    try:
        found = parse_object(read_regular(path / name, limit))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    refuse_newer(path, found.get("format"), FORMAT)
    return found


def _check_hashes(path: Path, most: int | None) -> None:
    size = (path / TENSORS).stat().st_size
    if most is not None and size > most:
        raise ValueError(
            f"{TENSORS} has {size:,} bytes, and a checkpoint of this recipe has at most {most:,}"
        )
    manifest = _object(path, MANIFEST, MANIFEST_LIMIT)
    for name in (TENSORS, VALUES):
        if sha256_file(path / name) != manifest.get(name):
            raise ValueError(f"{name} does not match its sha256")


def _values(path: Path) -> Any:
    values = _object(path, VALUES, VALUES_LIMIT)
    if values.get("format") != FORMAT or "state" not in values:
        raise ValueError(f"{VALUES} has no state of format {FORMAT}")
    return values["state"]


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path / TENSORS)
    except (SafetensorError, ValueError, RuntimeError, LookupError, AttributeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{TENSORS} cannot be read: {reason}") from error
