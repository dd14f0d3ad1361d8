"""From a generator folder to its checked ONNX files."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo.__about__ import __version__
from zoo.errors import InputError, UsageError
from zoo.generators.files import CARD, CONFIG, FILES, ONNX, REPORT, WEIGHTS
from zoo.generators.folder import add_files, read_config, verify
from zoo.runs.lock import held
from zoo.system.atomic import new_folder
from zoo.system.console import say
from zoo_export.report import ExportedFile, ExportReport, merged

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from zoo.generators.config import GeneratorConfig
    from zoo.generators.files import Variant
    from zoo_export.convert.parity import Parity

ONNX_FOLDER = "onnx/"


@dataclass(frozen=True)
class Wanted:
    """What an export is to write beside the float32 file, and how."""

    opset: int = 20
    variants: tuple[Variant, ...] = ()
    timed: bool = False
    """Whether to measure how fast the files are; int8, which is there to be fast, always is."""


PLAIN = Wanted()


def export(folder: Path, wanted: Wanted = PLAIN) -> ExportReport:
    """Write `onnx/model.onnx`, the variants and `onnx/report.json` into a generator folder: all of them or none.

    Raises:
        UsageError: torch, onnx or onnxscript is not installed, or the opset is out of range.
        InputError: it is no generator folder, its network cannot be turned into ONNX, or int8 would be slower.
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

        from zoo.runs.generator import load_generator
        from zoo_export.convert.to_onnx import to_onnx
        from zoo_export.convert.variants import made
    except ModuleNotFoundError as error:
        raise UsageError(
            f"export: it needs {error.name}, which is not installed. "
            "Install it with `pip install 'gan-model-zoo[train]'`"
        ) from error
    module = load_generator(folder)
    model = to_onnx(module, config.latent_dim, _metadata(config), opset=wanted.opset)
    models: dict[Variant, bytes] = {"fp32": model}
    models.update((variant, made(variant, model)) for variant in wanted.variants)
    proofs = _proofs(models, module, config.latent_dim, timed=wanted.timed)
    files = tuple(
        ExportedFile(name, FILES[name], len(data), _sha256(data), wanted.opset, proofs[name])
        for name, data in models.items()
    )
    report = ExportReport(folder, files, _machine())
    written = {FILES[name]: data for name, data in models.items()}
    add_files(folder, {**written, REPORT: merged(report, folder, config)})
    return report


def export_first(folder: Path) -> None:
    """Export a generator that never was, and say so: the one case in which opening or pushing it needs torch.

    Raises as `export` does.
    """
    say(f"{folder}: it holds no {ONNX} yet, so it is exported first")
    export(folder)


def export_copy(folder: Path, out: Path, wanted: Wanted = PLAIN) -> ExportReport:
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
        report = export(scratch, wanted)
    return replace(report, folder=out)


def export_checkpoint(run: Path, which: str, out: Path | None, wanted: Wanted = PLAIN) -> ExportReport:
    """Export a run's checkpoint (`best`, `last` or a step), in the run's generator folder or in the new folder `out`.

    Raises as `export` does; BusyError while the run trains, InputError where `out` exists or the run has no such
    checkpoint. With `out`, the run stays as it is, and nothing is left there on an error.
    """
    from zoo.runs.generator import write_generator

    with held(run):
        if out is None:
            return export(write_generator(run, which), wanted)
        _refuse_existing(out)
        with new_folder(out) as scratch:
            report = export(write_generator(run, which, scratch), wanted)
    return replace(report, folder=out)


def _proofs(
    models: dict[Variant, bytes], module: nn.Module, latent_dim: int, *, timed: bool
) -> dict[Variant, Parity]:
    """Compare all files with the network, and time them where that is wanted."""
    from zoo_export.convert.parity import Reference

    reference = Reference(module, latent_dim)
    proofs = {variant: reference.compare(model, variant) for variant, model in models.items()}
    if not timed and "int8" not in models:
        return proofs
    proofs = reference.timed(models, proofs)
    if "int8" in models:
        _refuse_slow(proofs, models["int8"])
    return proofs


def _refuse_slow(proofs: dict[Variant, Parity], model: bytes) -> None:
    from zoo_export.inspection.graph import read_graph

    plain, quantised = proofs["fp32"].batches[-1], proofs["int8"].batches[-1]
    assert plain.seconds is not None
    assert quantised.seconds is not None
    if quantised.seconds < plain.seconds:
        return
    left = sum(node.op == "ConvTranspose" for node in read_graph(model).nodes)
    reason = f", as {left} transposed convolutions cannot be quantised" if left else ""
    raise InputError(
        f"--int8: {plain.batch} pictures would take {1000 * quantised.seconds:.1f} ms, in float32 they take "
        f"{1000 * plain.seconds:.1f} ms{reason}. Leave it out"
    )


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
        "zoo.variant": "fp32",
        "zoo.version": __version__,
        "zoo.weights_sha256": config.files[WEIGHTS].sha256,
    }


def _machine() -> str:
    import onnxruntime
    import torch

    from zoo.training.device import choose_device, describe_hardware

    return (
        f"{describe_hardware(choose_device('cpu'))}, torch {torch.__version__}, "
        f"onnxruntime {onnxruntime.__version__}"
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
