"""Writing figures into a generator's folder, from which its model card is made."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from zoo.errors import InputError, counted
from zoo.generators.bundled import FOLDER
from zoo.generators.config import FIGURES_LIMIT, FigureRecord
from zoo.generators.files import CONFIG
from zoo.runs.folder import generator_folder, is_run
from zoo.runs.lock import held

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from zoo.figures.result import Evaluation, Figure
    from zoo.generators.folder import GeneratorFolder


def folder_to_write(name: str) -> GeneratorFolder:
    """Return the generator folder that figures of NAME may be written into.

    Raises:
        BusyError: it is a run's, and another process is at work in that.
        InputError: it is no folder on this disk, or one that comes with the package.
    """
    path = Path(name)
    folder = generator_folder(path) if path.is_dir() else None
    if folder is None or folder.path.resolve().parent == FOLDER.resolve():
        raise InputError(
            f"--write: {name} is neither a run nor a generator folder of yours, and figures are written into one. "
            "Leave --write out"
        )
    with _held(folder):  # found before anything is measured
        return folder


def same_weights(folder: GeneratorFolder, weights: str | None) -> str:
    """Return the digest of the weights that the folder holds now.

    Raises:
        InputError: figures are of others.
    """
    digest = folder.current().config.digest
    if digest is None or digest != weights:
        raise InputError(
            f"{folder.path}: the figures are of other weights than those in it. Evaluate it again, or write the "
            "checkpoint into it first with `zoo export --onnx --checkpoint`"
        )
    return digest


def write_figures(folder: GeneratorFolder, evaluation: Evaluation) -> GeneratorFolder:
    """Write an evaluation's figures into `config.json`; those of the same metric, protocol and images are replaced.

    Figures of weights that the folder held before are dropped.

    Raises:
        BusyError: the folder is a run's, and another process is at work in it.
        InputError: the figures are not of the weights that the folder holds, or there would be too many.
    """
    with _held(folder):
        there = folder.current()
        config, weights = there.config, same_weights(folder, evaluation.weights)
        new = tuple(_record(figure, evaluation, weights) for figure in evaluation.measured)
        replaced = {_measure(figure) for figure in new}
        kept = (old for old in config.current_figures if _measure(old) not in replaced)
        figures = (*kept, *new)
        if len(figures) > FIGURES_LIMIT:
            raise InputError(
                f"{there.file(CONFIG)}: it would hold {counted(len(figures), 'figure')}, and at most {FIGURES_LIMIT} "
                "are read. Remove some from it"
            )
        return there.with_config(config.model_copy(update={"figures": figures}))


def _measure(figure: FigureRecord) -> tuple[str, str, str]:
    """Return what two figures share of which the newer replaces the older."""
    return figure.metric, figure.protocol, figure.fingerprint


def _held(folder: GeneratorFolder) -> AbstractContextManager[None]:
    """Hold the run that a generator folder belongs to, if it does."""
    run = folder.path.parent
    return held(run) if is_run(run) else nullcontext()


def _record(figure: Figure, evaluation: Evaluation, weights: str) -> FigureRecord:
    try:
        return FigureRecord(
            metric=figure.metric,
            value=figure.value,  # type: ignore[arg-type]
            higher_is_better=figure.higher_is_better,
            protocol=figure.protocol,
            images=evaluation.data.source,
            fingerprint=evaluation.data.fingerprint,
            weights=weights,
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            f"--write: {CONFIG} cannot hold the {first['loc'][0]} of {figure.metric}: {first['msg']}. Leave it out"
        ) from error
