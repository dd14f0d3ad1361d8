"""Checkpoints: tensors in safetensors, plain values in JSON, a manifest of hashes, committed by one rename."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save, save_file

from zoo.errors import InputError, IntegrityError, ResourceError, refuse_newer
from zoo.evaluation.weights import plain_tensors
from zoo.runs.folder import PROBES
from zoo.system.atomic import new_folder, remove_folder, sha256_file
from zoo.system.disk_space import refuse_without_room
from zoo.system.regular_files import UnfitFileError, read_regular
from zoo.system.scratch import sweep_files, sweep_folders
from zoo.system.strict_json import parse_object

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

FOLDER = "checkpoints"
MANIFEST_LIMIT = 1 << 16
"""Bytes of a manifest that are read: two names and two hashes."""
TENSORS = "state.safetensors"
VALUES = "state.json"
MANIFEST = "manifest.json"
WRITTEN_IN = ("", "samples", PROBES, "generator", "generator/onnx")
"""Folders of a run in which files are replaced."""
FORMAT = 1
KEEP = 3
"""Checkpoints that stay beside the best one."""
VALUES_LIMIT = 16 << 20
"""Bytes of the plain values that are read: they have 10,000, and 1,000 more for each step since the log was written."""
State = dict[str, Any]
Check = Callable[[State], None]


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
    with new_folder(path, size, _is_ours) as scratch:
        _write_tensors(tensors, scratch / TENSORS)
        (scratch / VALUES).write_bytes(values)
        hashes = {name: sha256_file(scratch / name) for name in (TENSORS, VALUES)}
        (scratch / MANIFEST).write_text(json.dumps({"format": FORMAT, **hashes}))
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
    copy = _copied(state)
    if torch.cuda.is_available():
        torch.cuda.current_stream().synchronize()
    return copy


def _copied(state: Any) -> Any:
    if isinstance(state, torch.Tensor):
        return _copied_tensor(state.detach())
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [_copied(value) for value in state]
    return state


def _copied_tensor(tensor: Tensor) -> Tensor:
    if tensor.is_cuda:
        # Into memory that a GPU writes by itself: hundreds of tensors need not be waited for one by one.
        with suppress(RuntimeError):  # of which a container may allow little
            pinned = torch.empty_like(tensor, device="cpu", pin_memory=True)
            return pinned.copy_(tensor, non_blocking=True)
    return tensor.to("cpu", copy=True)


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
        state: State = _put_tensors(_values(path), _tensors(path))
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


def check_run_state(state: State) -> None:
    """Raise ValueError where a state lacks what a run keeps beside its trainer, or has something else in its place."""
    for name, kind in (("recipe", dict), ("surroundings", dict), ("trainer", dict), ("fingerprint", str)):
        if not isinstance(state.get(name), kind):
            raise ValueError(f"{VALUES} has no {name}")
    if not _is_number(state.get("seconds")) or state["seconds"] < 0:
        raise ValueError(f"{VALUES} has no seconds")
    if "best" not in state:
        raise ValueError(f"{VALUES} has no best figure, nor says that there is none")
    best = state["best"]
    if best is not None and not (_is_list(best, 2) and type(best[0]) is int and _is_number(best[1])):
        raise ValueError(f"{VALUES} has a best figure that is none")
    log = state.get("log")
    if not isinstance(log, dict) or type(log.get("offset")) is not int or log["offset"] < 0:
        raise ValueError(f"{VALUES} has no place in the log")
    pending = log.get("pending")
    if not isinstance(pending, list) or not all(
        _is_list(entry, 2) and _is_figures(entry) for entry in pending
    ):
        raise ValueError(f"{VALUES} has figures that are none")


def _is_figures(entry: list[Any]) -> bool:
    number, figures = entry
    return type(number) is int and isinstance(figures, dict) and all(map(_is_number, figures.values()))


def _is_list(value: Any, length: int) -> bool:
    return isinstance(value, list) and len(value) == length


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


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


def _is_ours(name: str) -> bool:
    return name in (TENSORS, VALUES, MANIFEST)


def drop_after(run: Path, step: int) -> None:
    """Remove the checkpoints after `step`: a run that has gone back to it makes them again.

    Raises:
        InputError: one holds something that no training wrote; it stays.
    """
    for path in checkpoints(run):
        if int(path.name[len("step-") :]) > step:
            try:
                remove_folder(path, _is_ours)
            except FileExistsError as error:
                raise InputError(
                    f"{path}: {error.strerror}, and the run goes on from step {step}. Move that elsewhere"
                ) from error
            except OSError as error:
                raise ResourceError(f"{path}: it cannot be removed: {error.strerror}. Mend that") from error


def sweep(run: Path) -> None:
    """Remove what killed processes were writing, by its name; what somebody writes still, an export say, stays."""
    for folder in WRITTEN_IN:
        sweep_files(run / folder)
    sweep_folders(run / FOLDER, _is_ours)


def prune(run: Path, best: int | None) -> None:
    """Remove all but the last three checkpoints, the best one, and those into which somebody put something else."""
    keep = set(checkpoints(run)[-KEEP:])
    if best is not None:
        keep.add(checkpoint_path(run, best))
    for path in checkpoints(run):
        if path not in keep:
            # What cannot be removed now may be at the next pruning.
            with suppress(OSError):
                remove_folder(path, _is_ours)


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


def _put_tensors(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Return the state that `_take_tensors` made `value` of; ValueError where it made no such thing."""
    left = dict(tensors)
    try:
        state = _filled(value, left)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{VALUES} and {TENSORS} do not fit each other: {error!r}") from error
    if left:
        raise ValueError(f"{TENSORS} holds {next(iter(left))}, which {VALUES} does not")
    return state


def _filled(value: Any, tensors: dict[str, Tensor]) -> Any:
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors.pop(content)
    if kind == "dict":
        return {key: _filled(inner, tensors) for key, inner in content}
    if kind == "list":
        return [_filled(inner, tensors) for inner in content]
    if kind != "value":
        raise ValueError(f"there is no {kind!r}")
    return content
