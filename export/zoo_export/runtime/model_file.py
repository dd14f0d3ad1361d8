"""An ONNX file's bytes, read once: the bytes that are checked are those that run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from zoo.errors import InputError, ResourceError, quoted
from zoo.generators.files import ONNX_LIMIT
from zoo.system.regular_files import open_regular
from zoo_export.inspection.limits import CheckedModel

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generators.folder import GeneratorFolder

_SIGNATURES = (
    (b"version https://git-lfs", "a Git LFS pointer"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"%PDF", "a PDF document"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x89HDF", "an HDF5 file, as Keras writes"),
    (b"GGUF", "a GGUF model"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
)


def read_model(path: Path) -> bytes:
    """Return the bytes of a file.

    Raises:
        InputError: it is missing or no regular file.
        ResourceError: it has more than `ONNX_LIMIT` bytes.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size > ONNX_LIMIT:
                raise ResourceError(f"{path}: it has {size} bytes, more than {ONNX_LIMIT}. Give another file")
            return file.read(ONNX_LIMIT)
    except OSError as error:
        raise InputError(
            f"{path}: it cannot be read: {error.strerror or error}. Give an .onnx file"
        ) from error


def read_listed(folder: GeneratorFolder) -> bytes:
    """Return the bytes of a generator folder's ONNX file, which have the sha256 that `config.json` lists.

    Where the folder has float16 weights only, as those that come with the package, it is their file.

    Raises:
        InputError: `config.json` does not list the file.
        IntegrityError: the file is missing or has another sha256.
    """
    from zoo.generators.files import CONFIG, ONNX

    name = folder.config.onnx
    path = folder.file(name)
    record = folder.config.files.get(name)
    if record is None:
        raise InputError(
            f"{folder.path}: it holds no {ONNX}. Make it with `zoo export {quoted(folder.path)} --onnx`"
        )
    if record.size > ONNX_LIMIT:
        raise ResourceError(
            f"{path}: {CONFIG} says {record.size} bytes, more than {ONNX_LIMIT}. Give another file"
        )
    return folder.read(name)


def check_model(data: bytes, name: str) -> CheckedModel:
    """Check a model's bytes before onnxruntime loads them; `name` is what messages call it.

    Raises:
        InputError: it is no ONNX file, no generator, or does what none needs; the message says what it is instead.
        ResourceError: it would take too much memory or time.
    """
    kind = _format_of(data)
    if kind:
        raise InputError(f"{name}: it is no ONNX file but {kind}. Get the generator again")
    return CheckedModel(data, name)


def _format_of(data: bytes) -> str | None:
    """Return the format of bytes that are clearly no ONNX model; None where they may be one."""
    if not data:
        return "an empty file"
    for start, kind in _SIGNATURES:
        if data.startswith(start):
            return kind
    if data.startswith(b"PK\x03\x04"):
        return (
            "a zip archive with a pickle, as torch.save writes"
            if b"data.pkl" in data[:256]
            else "a zip archive"
        )
    if data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        return "a Python pickle"
    if data[4:8] in (b"ORTM", b"TFL3"):
        return "an ORT-format model" if data[4:8] == b"ORTM" else "a TensorFlow Lite model"
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
