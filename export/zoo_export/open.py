"""From a path to a generator, exporting it first when it never was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.generators.bundled import bundled_folder
from zoo.system.console import say
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from zoo.generators.generator import Generator

WANTED = "Give a run folder, a generator folder or an .onnx file"


def open_path(name: str) -> Generator | None:
    """Open a run folder, a generator folder, an .onnx file or a pretrained generator; None where `name` is none.

    What is on this disk comes first, then what comes with the package: no Hub can stand in for either.

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
        bundled = bundled_folder(name)
        return None if bundled is None else OnnxGenerator(bundled, name=name)
    if path.is_dir():
        return _open_folder(path, name)
    if path.suffix.lower() != ".onnx":
        raise InputError(f"{name}: it is a file, but no .onnx file. {WANTED}")
    return OnnxGenerator(path, name=name)


def _open_folder(path: Path, name: str) -> Generator:
    from zoo.generators.files import ONNX, ONNX_FP16, WEIGHTS
    from zoo.generators.folder import read_config
    from zoo.runs.folder import generator_folder

    folder = generator_folder(path)
    if folder is None:
        raise InputError(f"{name}: it is a folder, but neither a run nor a generator. {WANTED}")
    listed = read_config(folder).files
    if ONNX not in listed and (WEIGHTS in listed or ONNX_FP16 not in listed):
        from zoo_export.export import export

        say(f"{folder}: it holds no {ONNX} yet, so it is exported first")
        export(folder)
    return OnnxGenerator(folder, name=name)
