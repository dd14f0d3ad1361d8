"""Checkpoints: tensors in safetensors, plain values in JSON, a manifest of hashes, committed by one rename."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save, save_file

from zoo.errors import InputError, IntegrityError, ResourceError
from zoo.system.atomic import new_folder, remove_folder, sha256_file
from zoo.system.disk_space import refuse_without_room

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

FOLDER = "checkpoints"
MANIFEST_LIMIT = 1 << 16
"""Bytes of a manifest that are read: two names and two hashes."""
TENSORS = "state.safetensors"
VALUES = "state.json"
MANIFEST = "manifest.json"
FORMAT = 1
KEEP = 3
"""Checkpoints that stay beside the best one."""
State = dict[str, Any]


def checkpoint_path(run: Path, step: int) -> Path:
    """Return where a step's checkpoint lies."""
    return run / FOLDER / f"step-{step:08d}"


def checkpoints(run: Path) -> list[Path]:
    """Return a run's committed checkpoints, oldest first."""
    found = [path for path in (run / FOLDER).glob("step-*") if re.fullmatch(r"step-\d{8,}", path.name)]
    return sorted((path for path in found if path.is_dir()), key=lambda path: int(path.name[len("step-") :]))


def save_checkpoint(run: Path, step: int, state: State) -> Path:
    """Write a checkpoint folder whole or not at all.

    Raises:
        ResourceError: it cannot be written; earlier checkpoints are as they were.
    """
    path = checkpoint_path(run, step)
    tensors, values = _parts(state)
    size = _size(tensors, values)
    refuse_without_room(path, size)
    with new_folder(path, size) as scratch:
        _write_tensors(tensors, scratch / TENSORS)
        (scratch / VALUES).write_bytes(values)
        hashes = {name: sha256_file(scratch / name) for name in (TENSORS, VALUES)}
        (scratch / MANIFEST).write_text(json.dumps(hashes))
    return path


def checkpoint_bytes(state: State) -> int:
    """Return how many bytes `save_checkpoint` writes for a state: never fewer, and at most a digit a tensor more."""
    return _size(*_parts(state))


def refuse_unsavable(state: State) -> None:
    """Refuse a state that a checkpoint cannot hold.

    Raises:
        InputError: it holds other things than tensors of common types, numbers and text.
    """
    tensors, _ = _parts(state)
    for name, tensor in tensors.items():
        try:
            save({"": torch.empty(0, dtype=tensor.dtype)})
        except (SafetensorError, KeyError, ValueError) as error:
            raise InputError(
                f"{name.lstrip('/')}: safetensors cannot hold {tensor.dtype}. Use another type"
            ) from error


def _parts(state: State) -> tuple[dict[str, Tensor], bytes]:
    """Return the tensors by name, and the JSON of everything else."""
    tensors: dict[str, Tensor] = {}
    nest = _take_tensors(state, "", tensors)
    return tensors, json.dumps({"format": FORMAT, "state": nest}, allow_nan=False).encode()


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


def copied(state: Any) -> Any:
    """Return a state whose tensors and lists are its own, the tensors on the CPU: a training may go on meanwhile."""
    if isinstance(state, torch.Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {key: copied(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [copied(value) for value in state]
    return state


def _write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    # safetensors refuses channels_last tensors, and refuses two that share memory.
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    try:
        save_file(plain, path)
    except SafetensorError as error:
        # Its writer reports the operating system's errors as text only.
        number = re.search(r"\(os error (\d+)\)", str(error))
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, os.strerror(code)) from error


def load_checkpoint(path: Path) -> State:
    """Read a checkpoint back after checking its hashes.

    Raises:
        IntegrityError: a file is missing, or its bytes are not those that were written.
        InputError: another version wrote it.
        ResourceError: it cannot be read, whole as it may be.
    """
    try:
        with (path / MANIFEST).open("rb") as file:
            manifest = json.loads(file.read(MANIFEST_LIMIT))
        wrong = [name for name in (TENSORS, VALUES) if sha256_file(path / name) != manifest[name]]
    except (
        FileNotFoundError,
        NotADirectoryError,
        IsADirectoryError,
        ValueError,
        KeyError,
        TypeError,
    ) as error:
        raise IntegrityError(f"{path}: the checkpoint is incomplete ({error}). Use another") from error
    except OSError as error:
        raise ResourceError(f"{path}: it cannot be read: {error.strerror}. Mend that, and go on") from error
    if wrong:
        raise IntegrityError(f"{path}: {wrong[0]} does not match its sha256. Use another checkpoint")
    values = json.loads((path / VALUES).read_bytes())
    if values["format"] != FORMAT:
        raise InputError(
            f"{path}: the checkpoint has format {values['format']}, this version reads {FORMAT}. Use the zoo that "
            "wrote it"
        )
    state: State = _put_tensors(values["state"], load_file(path / TENSORS))
    return state


def newest_good(run: Path) -> tuple[State | None, list[str]]:
    """Return the newest checkpoint that is whole, and what was wrong with those after it."""
    problems: list[str] = []
    for path in reversed(checkpoints(run)):
        try:
            return load_checkpoint(path), problems
        except IntegrityError as error:
            problems.append(str(error))
    return None, problems


def drop_after(run: Path, step: int) -> None:
    """Remove the checkpoints after `step`: a run that has gone back to it makes them again."""
    for path in checkpoints(run):
        if int(path.name[len("step-") :]) > step:
            remove_folder(path)


def sweep(run: Path) -> None:
    """Remove what a killed process was writing. Only for whoever holds the run."""
    for scratch in [*run.rglob(".*.tmp-*"), *run.glob(f"{FOLDER}/*.tmp-*")]:
        if scratch.is_dir():
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            scratch.unlink(missing_ok=True)


def prune(run: Path, best: int | None) -> None:
    """Remove all but the last three checkpoints and the best one."""
    keep = set(checkpoints(run)[-KEEP:])
    if best is not None:
        keep.add(checkpoint_path(run, best))
    for path in checkpoints(run):
        if path not in keep:
            remove_folder(path)


def _take_tensors(value: Any, prefix: str, tensors: dict[str, Tensor]) -> Any:
    """Return `value` with each tensor replaced by its name, which `tensors` then holds."""
    if isinstance(value, torch.Tensor):
        tensors[prefix] = value
        return {"tensor": prefix}
    if isinstance(value, dict):
        return {
            "dict": [[key, _take_tensors(inner, f"{prefix}/{key}", tensors)] for key, inner in value.items()]
        }
    if isinstance(value, (list, tuple)):
        return {
            "list": [_take_tensors(inner, f"{prefix}/{index}", tensors) for index, inner in enumerate(value)]
        }
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise InputError(
            f"{prefix.lstrip('/')}: it is a {type(value).__name__}, and a checkpoint holds tensors, numbers and text "
            "only. Keep it in a buffer"
        )
    return {"value": value}


def _put_tensors(value: dict[str, Any], tensors: dict[str, Tensor]) -> Any:
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "dict" in value:
        return {key: _put_tensors(inner, tensors) for key, inner in value["dict"]}
    if "list" in value:
        return [_put_tensors(inner, tensors) for inner in value["list"]]
    return value["value"]
