"""Starting a training, and going on with one: from a recipe's name to a run that is ready to go."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from zoo import __version__
from zoo.atomic import disk_errors, write_atomic
from zoo.checkpoint import newest_good
from zoo.console import warn
from zoo.device import choose_device, choose_precision, describe_hardware
from zoo.errors import InputError
from zoo.evaluation import split
from zoo.harvest import RECIPE
from zoo.plan import make_plan, with_data, with_stand_in
from zoo.plugins import load_registry
from zoo.recipe import read_recipe, write_toml
from zoo.run import Run
from zoo.runs import is_run, new_run_path, read_record
from zoo.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.device import DeviceChoice, Precision, PrecisionChoice
    from zoo.images import Images
    from zoo.plan import Plan


def new_run(
    recipe: str,
    *,
    data: Path | None = None,
    changes: Sequence[str] = (),
    out: Path | None = None,
    device: DeviceChoice = "auto",
    precision: PrecisionChoice = "auto",
) -> Run:
    """Make the run folder of a new training; nothing is left behind where something is wrong.

    Args:
        recipe: a recipe's name, or the path of a TOML file.
        data: a local file or folder in place of the recipe's data.
        changes: `key.path=value`, as `--set` takes them.
        out: the run folder itself; without it `runs/<recipe>-<n>`.
        device: where to train.
        precision: of convolutions.

    Raises:
        UsageError, InputError, NetworkError: the recipe, a component or the data is not to be had.
    """
    registry = load_registry()
    file = Path(recipe) if recipe.endswith(".toml") or os.sep in recipe else registry.recipe(recipe)
    plan = make_plan(read_recipe(file, changes), registry, file.name)
    if data is not None:
        plan = with_data(plan, data, registry)
    place = choose_device(device)
    chosen = choose_precision(precision, place)
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"{out}: it is already there. Give --out a new folder, or go on with `zoo resume {out}`"
        )
    plan, images = _images(plan)
    path = out or new_run_path(plan.recipe.name)
    record = _record(plan, images, place, chosen)
    run = _assemble(path, plan, images, place, chosen, record)
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    write_atomic(path / RECIPE, write_toml(plan.resolved()))
    return run


def reopen(path: Path, changes: Sequence[str] = ()) -> Run:
    """Make an existing run ready to go on from its newest good checkpoint.

    Args:
        path: the run folder, held by this process.
        changes: `key.path=value` for fields of the recipe, recorded in `run.json`; never of the architecture.

    Raises:
        InputError: it is no run, a change is refused, or the data is not what it was trained on.
    """
    if not is_run(path):
        raise InputError(f"{path}: there is no run. See which there are under runs/")
    record = read_record(path)
    registry = load_registry()
    plan = make_plan(read_recipe(path / RECIPE, changes), registry, str(path / RECIPE))
    if changes:
        _refuse_other_networks(plan, make_plan(read_recipe(path / RECIPE), registry, str(path / RECIPE)))
    images = plan.data.images()
    trained = record["data"]["fingerprint"]
    if images.fingerprint != trained:
        raise InputError(
            f"{path}: it was trained on images with fingerprint {trained[:12]}, {images.source} has "
            f"{images.fingerprint[:12]}. Bring those images back, or start a new run"
        )
    device = choose_device(record["device"])
    run = _assemble(path, plan, images, device, record["precision"], record)
    state, troubles = newest_good(path)
    for trouble in troubles:
        warn(trouble)
    if state is None:
        warn(f"{path}: it has no good checkpoint, so it begins at step 0")
    else:
        run.load(state)
    if changes:
        record.setdefault("changes", []).append({"step": run.step, "set": list(changes)})
        write_atomic(path / RECIPE, write_toml(plan.resolved()))
    return run


def _refuse_other_networks(plan: Plan, before: Plan) -> None:
    now, then = (each.architecture.model_dump() for each in (plan, before))
    changed = sorted(field for field in now.keys() | then.keys() if now.get(field) != then.get(field))
    if changed or plan.architecture.name != before.architecture.name:
        field = changed[0] if changed else "name"
        raise InputError(
            f"--set architecture.{field}: the trained weights fit the architecture as it was. "
            "Start a new run for another"
        )


def _images(plan: Plan) -> tuple[Plan, Images]:
    images = plan.data.images()
    for warning in images.warnings:
        warn(warning)
    if images.stand_in is not None:
        warn(images.stand_in.reason)
        plan = with_stand_in(plan, images.stand_in, load_registry())
    wanted = plan.architecture.image_shape
    if images.shape != wanted:
        raise InputError(
            f"{images.source}: its images are {_size(images.shape)}, {plan.recipe.name} makes {_size(wanted)}. "
            "Give a folder or zip of images, which are resized, or take another recipe"
        )
    return plan, images


def _size(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f"{height} x {width} {'grey' if channels == 1 else 'colour'}"


def _assemble(
    path: Path, plan: Plan, images: Images, device: torch.device, precision: Precision, record: dict[str, Any]
) -> Run:
    pixels = torch.from_numpy(images.pixels)
    if device.type == "cuda" and pixels.nbytes < torch.cuda.mem_get_info(device)[0] // 2:
        pixels = pixels.to(device)
    parts = split(len(images))
    trainer = Trainer(plan, pixels, parts.training, device, precision)
    return Run(path, plan, images, parts, trainer, record)


def _record(plan: Plan, images: Images, device: torch.device, precision: Precision) -> dict[str, Any]:
    parts = split(len(images))
    return {
        "format": 1,
        "recipe": plan.recipe.name,
        "started": datetime.now(UTC).isoformat(timespec="microseconds"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "seed": plan.training.seed,
        "device": device.type,
        "hardware": describe_hardware(device),
        "threads": torch.get_num_threads(),
        "precision": precision,
        "versions": {
            "gan-model-zoo": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "data": {
            "name": plan.data.name,
            "source": images.source,
            "licence": images.licence,
            "images": len(images),
            "fingerprint": images.fingerprint,
            "stand_in": None if images.stand_in is None else images.stand_in.reason,
        },
        "protocol": None if plan.metric is None else parts.protocol(plan.metric, images.shape),
    }
