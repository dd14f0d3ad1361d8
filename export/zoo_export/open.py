"""From a path to a generator, exporting it first when it never was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from zoo.generators.generator import Generator

WANTED = "Give a run folder, a generator folder or an .onnx file"


def open_path(name: str) -> Generator | None:
    """Open a run folder, a generator folder or an .onnx file; None when `name` is nothing on this disk.

    Only a folder that holds no ONNX file yet makes this import torch.

    Raises:
        InputError: it exists and is none of these.
        IntegrityError: its bytes are not the listed ones.
    """
    path = Path(name)
    try:
        there = path.exists()
    except OSError as error:
        raise InputError(f"{name[:200]}: it cannot be read: {error.strerror}. {WANTED}") from error
    if not there:
        return None
    if path.is_dir():
        return _open_folder(path, name)
    if path.suffix.lower() != ".onnx":
        raise InputError(f"{name}: it is a file, but no .onnx file. {WANTED}")
    return OnnxGenerator(path, name=name)


def _open_folder(path: Path, name: str) -> Generator:
    from zoo.generators.files import ONNX
    from zoo.generators.folder import read_config
    from zoo.runs.folder import generator_folder

    folder = generator_folder(path)
    if folder is None:
        raise InputError(f"{name}: it is a folder, but neither a run nor a generator. {WANTED}")
    if ONNX not in read_config(folder).files:
        from zoo_export.export import export_first

        export_first(folder)
    return OnnxGenerator(folder, name=name)
