"""From a generator folder to its checked ONNX files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo.__about__ import __version__
from zoo.errors import InputError, ResourceError, counted
from zoo.generators.files import CARD, FILES, ONNX, ONNX_FP16, ONNX_LIMIT, REPORT, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.runs.lock import held
from zoo.system.arguments import given_choice, given_flag, given_kind, given_text, given_whole, given_words
from zoo.system.atomic import new_folder
from zoo.system.console import say, warn
from zoo.system.paths import given_path, refuse_missing_parent
from zoo_export.report import ExportedFile, ExportReport, report_json

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generators.config import GeneratorConfig
    from zoo.generators.files import Variant
    from zoo_export.convert.parity import Parity, Reference
    from zoo_export.convert.timing import Speed

ONNX_FOLDER = "onnx/"


@dataclass(frozen=True)
class ExportOptions:
    """Which files an export writes, and whether it times them."""

    opset: int = 20
    variants: tuple[Variant, ...] = ()
    """Which to write besides the float32 file."""
    timed: bool = False
    """Whether to measure how fast the files are; int8, whose purpose is speed, is measured in any case."""

    def __post_init__(self) -> None:
        given_whole(self.opset, "opset")
        given_flag(self.timed, "timed")
        for variant in given_words(self.variants, "variants", "fp16"):
            given_choice(variant, "variants", FILES)


DEFAULT_OPTIONS = ExportOptions()


def export(folder: GeneratorFolder, options: ExportOptions = DEFAULT_OPTIONS) -> ExportReport:
    """Write `onnx/model.onnx`, the variants and `onnx/report.json` into a generator folder: all of them or none.

    Raises:
        InputError: torch, onnx or onnxscript is not installed, the opset is out of range, it has no weights, or its
            network cannot be turned into ONNX.
        IntegrityError: the weights are not the listed ones, pictures depend on their batch, or onnxruntime's differ
            from torch's.
        ResourceError: a file would be larger than is ever read, or the folder cannot be written.
    """
    folder, options = GeneratorFolder.given(folder), given_kind(options, "options", ExportOptions)
    config = folder.config
    if not folder.lists(WEIGHTS):
        raise InputError(
            f"{folder.path}: its config.json lists no {WEIGHTS}, so there is nothing to export. Get it again"
        )
    _require_packages()
    from zoo.training.process_state import isolated

    with isolated():
        return _export(folder, config, options)


def _export(folder: GeneratorFolder, config: GeneratorConfig, options: ExportOptions) -> ExportReport:
    from zoo.runs.generator.network import load_generator
    from zoo_export.convert.parity import Reference
    from zoo_export.convert.to_onnx import to_onnx
    from zoo_export.convert.variants import convert

    module = load_generator(folder)
    reference = Reference(module, config.latent_dim)
    model = to_onnx(module, config.latent_dim, _metadata(config), opset=options.opset)
    models: dict[Variant, bytes] = {"fp32": model}
    models.update((variant, convert(variant, model)) for variant in options.variants)
    _refuse_large(models)
    parities = _compare(models, reference, timed=options.timed)
    files = tuple(
        ExportedFile(name, FILES[name], len(data), _sha256(data), options.opset, parities[name])
        for name, data in models.items()
    )
    report = ExportReport(folder, files, _machine())
    written = {FILES[name]: data for name, data in models.items()}
    return replace(report, folder=folder.add_files({**written, REPORT: report_json(report)}))


def export_if_missing(folder: GeneratorFolder) -> GeneratorFolder:
    """Export a generator folder that lists no ONNX file yet, say so, and return it; raises as `export` does.

    Only where the file is missing does this import torch. A folder with float16 alone, as those that come with the
    package, has no weights to export, and needs none.
    """
    if folder.lists(ONNX) or (folder.lists(ONNX_FP16) and not folder.lists(WEIGHTS)):
        return folder
    say(f"{folder.path}: it holds no {ONNX}, so it is exported first")
    return export(folder).folder


def _require_packages() -> None:
    """Refuse an export without the packages of the extra `train`."""
    try:
        import onnxscript  # noqa: F401 - torch's exporter imports it late, with an error of many lines

        import zoo.runs.generator.network  # noqa: F401
        import zoo_export.convert.to_onnx
        import zoo_export.convert.variants  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            f"export: it needs {error.name}, which is not installed. "
            "Install it with `pip install 'gan-model-zoo[train]'`"
        ) from error


def export_copy(folder: GeneratorFolder, out: Path, options: ExportOptions = DEFAULT_OPTIONS) -> ExportReport:
    """Copy a generator folder's listed files and card to the new folder `out`, and export in the copy.

    Raises as `export` does, and InputError where `out` exists; on an error nothing is left at `out`.
    """
    folder, out = GeneratorFolder.given(folder), given_path(out, "out", needed=True)
    _refuse_existing(out)
    names = tuple(name for name in folder.config.files if not name.startswith(ONNX_FOLDER))
    folder.verify(names)
    card = folder.read_card()
    with new_folder(out) as scratch:
        for name in names:
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            folder.copy_file(name, scratch / name)
        if card is not None:
            (scratch / CARD).write_bytes(card)
        copied = {name: record for name, record in folder.config.files.items() if name in names}
        copy = GeneratorFolder.write(scratch, {}, folder.config.model_copy(update={"files": copied}))
        report = export(copy, options)
    return replace(report, folder=replace(report.folder, path=out))


def export_checkpoint(
    run: Path, which: str, out: Path | None, options: ExportOptions = DEFAULT_OPTIONS
) -> ExportReport:
    """Export a run's checkpoint (`best`, `last` or a step), in the run's generator folder or in the new folder `out`.

    Raises as `export` does; BusyError while the run trains, InputError where `out` exists or the run has no such
    checkpoint. With `out`, the run is not changed, and on an error nothing is left at `out`.
    """
    from zoo.runs.generator.write import write_generator

    run, which = given_path(run, "run", needed=True), given_text(which, "which")
    out = None if out is None else given_path(out, "out")
    with held(run):
        if out is None:
            return export(write_generator(run, which), options)
        _refuse_existing(out)
        with new_folder(out) as scratch:
            report = export(write_generator(run, which, scratch), options)
    return replace(report, folder=replace(report.folder, path=out))


def _compare(models: dict[Variant, bytes], reference: Reference, *, timed: bool) -> dict[Variant, Parity]:
    """Compare all files with the network, time them where `timed` says so, and int8 in any case: speed is its purpose.

    Which file is faster is advice and no proof: it depends on the machine and on what else that does.
    """
    parities = {variant: reference.compare(model, variant) for variant, model in models.items()}
    if timed:
        parities = reference.add_timings(models, parities)
    if "int8" in models:
        speed = reference.compare_speed(models["int8"], models["fp32"])
        parities["int8"] = replace(parities["int8"], speed=speed)
        if speed.faster is False:
            warn(_slow(speed, models["int8"]))
    return parities


def _slow(speed: Speed, model: bytes) -> str:
    """Return what to say of an int8 file, the bytes `model`, that is slower than float32."""
    from zoo_export.inspection.graph import read_graph

    transposed = sum(node.op == "ConvTranspose" for node in read_graph(model).nodes)
    reason = f", as {counted(transposed, 'transposed convolution')} cannot be quantised" if transposed else ""
    return (
        f"int8: it takes {speed.ratio:.2f} times as long as float32 on this machine{reason}. "
        "The file is kept; leave out --int8 if speed is all it is for"
    )


def _refuse_large(models: dict[Variant, bytes]) -> None:
    """Refuse a file that `zoo generate` and the Hub would refuse to read."""
    for variant, model in models.items():
        if len(model) > ONNX_LIMIT:
            raise ResourceError(
                f"{FILES[variant]}: it would have {len(model)} bytes, and more than {ONNX_LIMIT} are never read. "
                "Train a smaller generator"
            )


def _refuse_existing(out: Path) -> None:
    refuse_missing_parent(out, "--out")
    if out.exists():
        raise InputError(f"--out {out}: it exists already. Give a new folder")


def _metadata(config: GeneratorConfig) -> dict[str, str]:
    """Return what the file says about itself, by key."""
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
    """Return where the figures are measured: processor, threads, versions."""
    import onnxruntime
    import torch

    from zoo.training.device import choose_device, describe_hardware

    return (
        f"{describe_hardware(choose_device('cpu'))}, torch {torch.__version__}, "
        f"onnxruntime {onnxruntime.__version__}"
    )


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
