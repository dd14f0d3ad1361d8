"""An ONNX file's bytes, read once: what was checked is what runs."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

from zoo.errors import InputError, IntegrityError
from zoo.generator_folder import CONFIG, ONNX, GeneratorConfig, read_config
from zoo_export.protobuf import DamagedError, needs_other_files

if TYPE_CHECKING:
    from pathlib import Path

SIZE_LIMIT = 1 << 31
"""What one protobuf message can hold."""

_KINDS = (
    (b"version https://git-lfs", "a Git LFS pointer"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a numpy array"),
    (b"ORTM", "an ORT-format model"),
)


def read_model(path: Path) -> bytes:
    """Return the bytes of an ONNX file, whole and without parts in other files.

    Raises:
        InputError: it is missing, no regular file, over 2 GiB, or no such ONNX file.
    """
    data = _read(path)
    check_bytes(data, str(path))
    return data


def read_listed(folder: Path) -> tuple[bytes, GeneratorConfig]:
    """Return the bytes of a generator folder's ONNX file, which have the sha256 that `config.json` lists.

    Raises:
        InputError: `config.json` is wrong, or does not list the file.
        IntegrityError: the file is missing or has another sha256.
    """
    config = read_config(folder)
    path = folder / ONNX
    record = config.files.get(ONNX)
    if record is None:
        raise InputError(f"{folder}: it holds no {ONNX}. Make it with `zoo export {folder} --onnx`")
    if not path.exists():
        raise IntegrityError(f"{path}: {CONFIG} lists it, but it is missing. Get the generator again")
    data = _read(path)
    found = hashlib.sha256(data).hexdigest()
    if found != record.sha256:
        raise IntegrityError(
            f"{path}: its sha256 is {found[:12]}..., {CONFIG} says {record.sha256[:12]}.... "
            "Get the generator again"
        )
    check_bytes(data, str(path))
    return data, config


def check_bytes(data: bytes, name: str) -> None:
    """Refuse bytes that are no whole ONNX model, or one that would make onnxruntime read other files.

    Raises:
        InputError: says what was found instead.
    """
    kind = _kind(data)
    if kind:
        raise InputError(f"{name}: it is no ONNX file but {kind}. Get the generator again")
    try:
        outside = needs_other_files(data)
    except DamagedError as error:
        raise InputError(f"{name}: it is no whole ONNX file: {error}. Get the generator again") from error
    if outside:
        raise InputError(
            f"{name}: it keeps weights in other files, which are never read. Export it as one file"
        )


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        # Opening a FIFO or a device would wait, or never end.
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise InputError(f"{path}: it is {what}. Give an .onnx file")
        if status.st_size >= SIZE_LIMIT:
            raise InputError(
                f"{path}: it has {status.st_size} bytes; an ONNX file has less than 2 GiB. Give another"
            )
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT)
    except OSError as error:
        raise InputError(
            f"{path}: it cannot be read: {error.strerror or error}. Give an .onnx file"
        ) from error


def _kind(data: bytes) -> str | None:
    """Return what these bytes are when they are clearly no ONNX model."""
    if not data:
        return "an empty file"
    for start, kind in _KINDS:
        if data.startswith(start):
            return kind
    head = data[:512].lstrip()
    if head[:1] == b"<" and any(word in head.lower() for word in (b"<html", b"<!doctype", b"<?xml")):
        return "an HTML page"
    if head[:1] in (b"{", b"[") and _is_text(head):
        return "JSON text"
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
        return "a safetensors file"
    return "text" if _is_text(data[:512]) else None


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\t\r\n" for character in text)
