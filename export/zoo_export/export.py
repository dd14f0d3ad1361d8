"""From a generator folder to its checked ONNX file."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo import __version__
from zoo.atomic import new_folder
from zoo.errors import InputError, UsageError
from zoo.generator_folder import CARD, CONFIG, ONNX, WEIGHTS, GeneratorConfig, add_files, read_config, verify
from zoo.lock import held

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_export.check import Parity

ONNX_FOLDER = "onnx/"


@dataclass(frozen=True)
class ExportReport:
    """What was written, and the proof that it is right."""

    path: Path
    size: int
    """Bytes."""
    sha256: str
    opset: int
    parity: Parity


def export(folder: Path, *, opset: int = 20) -> ExportReport:
    """Write `onnx/model.onnx` into a generator folder; a file that fails the check never appears.

    Raises:
        UsageError: torch, onnx or onnxscript is not installed, or `opset` is out of range.
        InputError: it is no generator folder, or its network cannot be turned into ONNX.
        IntegrityError: the weights are not the listed ones, or onnxruntime's pictures differ from torch's.
        ResourceError: the folder cannot be written.
    """
    config = read_config(folder)
    if WEIGHTS not in config.files:
        raise InputError(
            f"{folder}: its config.json lists no {WEIGHTS}, so there is nothing to export. Get it again"
        )
    try:
        import onnxscript  # noqa: F401 - torch's exporter asks for it late, and at length

        from zoo.weights import load_generator
        from zoo_export.check import check
        from zoo_export.convert import to_onnx
    except ModuleNotFoundError as error:
        raise UsageError(
            f"export: it needs {error.name}, which is not installed. "
            "Install it with `pip install 'gan-model-zoo[train]'`"
        ) from error
    module = load_generator(folder)
    model = to_onnx(module, config.latent_dim, _metadata(config), opset=opset)
    parity = check(model, module, config.latent_dim)
    add_files(folder, {ONNX: model})
    return ExportReport(folder / ONNX, len(model), hashlib.sha256(model).hexdigest(), opset, parity)


def export_copy(folder: Path, out: Path, *, opset: int = 20) -> ExportReport:
    """Copy a generator folder's listed files and card to the new folder `out`, and export in the copy.

    Raises as `export` does, and InputError where `out` exists; nothing is left there on an error.
    """
    _refuse_existing(out)
    names = tuple(name for name in read_config(folder).files if not name.startswith(ONNX_FOLDER))
    config = verify(folder, names)
    with new_folder(out) as scratch:
        for name in (*names, CONFIG, CARD):
            if (folder / name).is_file():
                (scratch / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, scratch / name)
        kept = {name: record for name, record in config.files.items() if name in names}
        add_files(scratch, {}, config.model_copy(update={"files": kept}))
        report = export(scratch, opset=opset)
    return replace(report, path=out / ONNX)


def export_checkpoint(run: Path, which: str, out: Path | None, *, opset: int = 20) -> ExportReport:
    """Export a run's checkpoint (`best`, `last` or a step), in the run's generator folder or in the new folder `out`.

    Raises as `export` does; BusyError while the run trains, InputError where `out` exists or the run has no such
    checkpoint. With `out`, the run stays as it is, and nothing is left there on an error.
    """
    from zoo.harvest import write_generator

    with held(run):
        if out is None:
            return export(write_generator(run, which), opset=opset)
        _refuse_existing(out)
        with new_folder(out) as scratch:
            report = export(write_generator(run, which, scratch), opset=opset)
    return replace(report, path=out / ONNX)


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise InputError(f"--out {out}: it exists already. Give a new folder")


def _metadata(config: GeneratorConfig) -> dict[str, str]:
    low, high = config.value_range
    return {
        "zoo.architecture": config.architecture.name,
        "zoo.latent_dim": str(config.latent_dim),
        "zoo.licence": config.data.licence,
        "zoo.range": f"{low:g},{high:g}",
        "zoo.recipe": config.recipe,
        "zoo.version": __version__,
        "zoo.weights_sha256": config.files[WEIGHTS].sha256,
    }
