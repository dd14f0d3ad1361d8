"""Reading generators from anywhere: a folder, an ONNX file, a name on the Hub. Imports no torch."""

from __future__ import annotations

import json
import math
from contextlib import closing, suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from zoo.errors import InputError, ZooError
from zoo.generators.config import GeneratorConfig
from zoo.generators.files import SAMPLES, WEIGHTS
from zoo.generators.measures import bounded, figures_of, own_measure
from zoo.generators.pictures import grid
from zoo.generators.safetensors_header import read_header
from zoo.plugins.collect import load_registry, load_torchless_registry
from zoo.plugins.manager import plugins
from zoo.reports.comparison.entry import Entry
from zoo.reports.comparison.strips import PICTURES, strip_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zoo.components import Metric
    from zoo.generators.config import TrainingRecord
    from zoo.generators.folder import GeneratorFolder
    from zoo.generators.generator import Generator
    from zoo.runs.record import RunRecord

    Load = Callable[[str], Generator]
    """`zoo.load`."""

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Of batch norms: numbers in the file that are no parameters."""


def folder_facts(folder: GeneratorFolder) -> dict[str, Any]:
    """Return what a generator folder says, as fields of an Entry."""
    config = folder.config
    onnx, parameters = config.files.get(config.onnx), _parameters(folder)
    return {
        **config_facts(config),
        "parameters": parameters,
        "onnx_parameters": _onnx_parameters(folder) if parameters is None else None,
        "onnx_bytes": None if onnx is None else onnx.size,
        "strip": strip_of(folder.path / SAMPLES),
        "onnx": None if onnx is None else str(folder.path),
    }


def config_facts(config: GeneratorConfig) -> dict[str, Any]:
    """Return what a `config.json` says, as fields of an Entry."""
    training, data = config.training, config.data
    measure = own_measure(config)
    if measure is not None:
        measure = replace(measure, higher_is_better=known_direction(training))
    return {
        "recipe": config.recipe,
        "seed": training.seed,
        "step": training.step,
        "steps": training.steps,
        "best_step": training.step,
        "measure": measure,
        "figures": {
            measure if found == measure else found: value for found, value in figures_of(config).items()
        },
        "fingerprint": data.fingerprint,
        "seconds": bounded(training.seconds) or None,
        "hardware": f"{training.hardware}, {training.precision}",
        "latent_dim": config.latent_dim,
    }


def file_entry(path: Path, load: Load) -> Entry:
    """Return what an ONNX file says, and its pictures.

    Raises:
        InputError: it is no ONNX file of a generator.
        ResourceError: it would take too much memory or time.
    """
    facts = _described(path)
    metadata = facts.get("metadata") or {}
    return Entry(
        str(path),
        "file",
        recipe=metadata.get("zoo.recipe"),
        onnx_parameters=facts.get("parameters"),
        onnx_bytes=facts.get("size"),
        onnx=str(path),
        **_made(str(path), load),
    )


def named_entry(name: str, load: Load) -> Entry:
    """Return what a generator on the Hub says, and its pictures; whatever else `zoo.load` opens has pictures only.

    Raises:
        ZooError: nothing opens it.
    """
    facts = next((found for found in plugins().call("zoo_describe_name", _copied, name=name) if found), None)
    made = _made(name, load)
    entry: dict[str, Any] = {}
    if facts is not None:
        with suppress(ValidationError):
            config = GeneratorConfig.model_validate_json(json.dumps(facts))
            entry = {**config_facts(config), "onnx_bytes": (facts.get("bytes") or {}).get(config.onnx)}
    return Entry(name, "name", **{**entry, **made}, onnx=name)


def known_direction(record: RunRecord | TrainingRecord) -> bool | None:
    """Return whether a training's metric rises with quality.

    Where its file is too old to say so, the metric of that name that is installed does; None where there is none.
    """
    if record.metric is None or record.higher_is_better is not None:
        return record.higher_is_better
    registry = load_torchless_registry() if find_spec("torch") is None else load_registry()
    found = registry.entries("metric").get(record.metric)
    return None if found is None else cast("type[Metric]", found.component).higher_is_better


def _made(name: str, load: Load) -> dict[str, Any]:
    """Return what only an open generator tells, as fields of an Entry."""
    with closing(load(name)) as generator:
        strip = grid(generator.sample(PICTURES), columns=PICTURES)
        return {"latent_dim": generator.latent_dim, "strip": strip}


def _copied(facts: Any) -> dict[str, Any] | None:
    return None if facts is None else dict(facts)


def _described(path: Path) -> dict[str, Any]:
    for facts in plugins().call("zoo_describe_file", _copied, path=path):
        if facts is not None:
            return facts
    raise InputError(
        f"{path}: it is a file, but no .onnx file. Give a run, a generator folder or an .onnx file"
    )


def _parameters(folder: GeneratorFolder) -> int | None:
    """Return the number of parameters in the file of weights."""
    weights = folder.path / WEIGHTS
    if not weights.is_file() or weights.is_symlink():
        return None
    try:
        tensors = read_header(weights)
    except (OSError, ValueError):
        return None  # whoever opens it is told what is wrong with it
    return sum(
        math.prod(tensor.shape)
        for name, tensor in tensors.items()
        if name.rpartition(".")[2] not in _STATISTICS
    )


def _onnx_parameters(folder: GeneratorFolder) -> int | None:
    path = folder.path / folder.config.onnx
    if not path.is_file() or path.is_symlink():
        return None
    try:
        found = _described(path).get("parameters")
    except ZooError:
        return None
    return found if type(found) is int else None
