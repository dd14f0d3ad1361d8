"""The files of a generator folder that a push publishes, and whether the folder is fit to be published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from zoo.errors import InputError, IntegrityError
from zoo.generators.files import CARD, CONFIG, LIMITS, ONNX, PEOPLE_EDIT, REPORT
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.generators.config import GeneratorConfig


def listed_files(config: GeneratorConfig) -> list[str]:
    """Return the files that `config.json` lists and a push publishes, sorted."""
    return sorted(name for name in config.files if name in LIMITS and name not in PEOPLE_EDIT)


def published_files(config: GeneratorConfig) -> list[str]:
    """Return every file that a push publishes, sorted."""
    return sorted([CONFIG, CARD, *listed_files(config)])


def check_publishable(folder: Path) -> GeneratorConfig:
    """Return the configuration of a folder that is fit to be published.

    Raises:
        InputError: it is no generator folder, or it has no ONNX file or no export report.
        IntegrityError: a file is not what `config.json` lists, or the report is about other files.
    """
    config = GeneratorFolder.open(folder).verify().config
    again = f"Run `zoo export {folder} --onnx`"
    if ONNX not in config.files:
        raise InputError(f"{folder}: it has no {ONNX}. {again} first")
    if REPORT not in config.files:
        raise InputError(f"{folder}: it has no {REPORT}, which proves the ONNX file against torch. {again}")
    proven = {facts.get("file"): facts.get("sha256") for facts in _variants(folder, again)}
    for name in listed_files(config):
        if name.endswith(".onnx") and proven.get(name) != config.files[name].sha256:
            raise IntegrityError(
                f"{folder / name}: {REPORT} proves {str(proven.get(name, 'no such file'))[:12]}, not the "
                f"{config.files[name].sha256[:12]}... that is there. {again}"
            )
    return config


def _variants(folder: Path, again: str) -> list[dict[str, Any]]:
    """Return what the export report says of each file."""
    try:
        variants = json.loads((folder / REPORT).read_bytes())["variants"].values()
        return [facts for facts in variants if isinstance(facts, dict)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{folder / REPORT}: it is no export report. {again}") from error
