"""From a path to a generator; one that was never exported is exported first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.errors import InputError
from zoo.generators.bundled import bundled_folder
from zoo_export.runtime.session import OnnxGenerator

if TYPE_CHECKING:
    from zoo.generators.folder import GeneratorFolder
    from zoo.generators.generator import Generator

ADVICE = "Give a run folder, a generator folder or an .onnx file"


def open_path(name: str) -> Generator | None:
    """Open a run folder, a generator folder, an .onnx file or a pretrained generator; None where `name` is none.

    What is on this disk comes first, then what comes with the package: no Hub can stand in for either.

    Only a folder that holds no ONNX file yet makes this import torch.

    Raises:
        BusyError: it is a run that is starting, or trains and has no generator yet.
        InputError: it exists and is none of these.
        IntegrityError: its bytes are not the listed ones.
    """
    path = Path(name)
    try:
        exists = path.exists()
    except OSError as error:
        raise InputError(f"{name[:200]}: it cannot be read: {error.strerror}. {ADVICE}") from error
    if not exists:
        bundled = bundled_folder(name)
        return None if bundled is None else OnnxGenerator(bundled, name=name)
    if path.is_dir():
        return _open_folder(path, name)
    if path.suffix.lower() != ".onnx":
        raise InputError(f"{name}: it is a file, but no .onnx file. {ADVICE}")
    return OnnxGenerator(path, name=name)


def require_generator_folder(path: Path) -> GeneratorFolder:
    """Open the generator folder that `path` is or, for a run, holds.

    Raises:
        BusyError: it is a run that is starting, or trains and has no generator yet.
        InputError: there is no such path, it is neither of the two, the run has no generator yet, or `config.json` is
            wrong.
    """
    from zoo.runs.folder import generator_folder

    require_exists(path)
    folder = generator_folder(path)
    if folder is None:
        raise InputError(f"{path}: it is neither a run nor a generator folder. Give one of the two")
    return folder


def require_exists(path: Path) -> None:
    """Refuse a path on the command line where nothing is.

    Raises:
        BusyError: a run is starting there.
        InputError: there is nothing.
    """
    from zoo.runs.folder import refuse_starting
    from zoo.runs.lock import near_runs

    if not path.exists():
        refuse_starting(path)
        if bundled_folder(str(path)) is not None:
            raise InputError(
                f"{path}: there is no such folder here, and the package's {path} is exported already. "
                "Give a run or a generator folder; `zoo push --bundled OWNER` publishes the package's"
            )
        advice = near_runs(path) or "Give a run or a generator folder"
        raise InputError(f"{path}: there is no such folder. {advice}")


def _open_folder(path: Path, name: str) -> Generator:
    from zoo.runs.folder import generator_folder
    from zoo_export.export import export_if_missing

    folder = generator_folder(path)
    if folder is None:
        raise InputError(f"{name}: it is a folder, but neither a run nor a generator. {ADVICE}")
    return OnnxGenerator.from_folder(export_if_missing(folder), name=name)
