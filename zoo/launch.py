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
from zoo.atomic import disk_errors
from zoo.checkpoint import newest_good
from zoo.console import warn
from zoo.device import choose_device, choose_precision, describe_hardware
from zoo.errors import InputError, IntegrityError
from zoo.evaluation import split
from zoo.plan import make_plan, with_data, with_stand_in
from zoo.plugins import load_registry
from zoo.recipe import read_recipe
from zoo.run import Run
from zoo.runs import RECIPE, is_run, new_run_path, read_record
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
    record = _record(plan, images, place, chosen)
    trainer = _trainer(plan, images, place, chosen)
    path = _claim(plan.recipe.name) if out is None else out
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return Run(path, plan, images, split(len(images)), trainer, record)


def _claim(recipe: str) -> Path:
    """Make the next free run folder; of two processes that want one, each gets its own."""
    while True:
        path = new_run_path(recipe)
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path


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
        _refuse_other_fits(plan, make_plan(read_recipe(path / RECIPE), registry, str(path / RECIPE)))
    images = plan.data.images()
    trained = record["data"]["fingerprint"]
    if images.fingerprint != trained:
        raise InputError(
            f"{path}: it was trained on images with fingerprint {trained[:12]}, {images.source} has "
            f"{images.fingerprint[:12]}. Bring those images back, or start a new run"
        )
    device = choose_device(record["device"])
    state, troubles = newest_good(path)
    for trouble in troubles:
        warn(trouble)
    if state is None and troubles:
        raise IntegrityError(f"{path}: none of its {len(troubles)} checkpoints is whole. Start a new run")
    trainer = _trainer(plan, images, device, record["precision"])
    run = Run(path, plan, images, split(len(images)), trainer, record)
    if state is None:
        warn(f"{path}: it has no checkpoint yet, so it begins at step 0")
    else:
        _say_what_differs(path, record, _surroundings(device))
        run.load(state)
    record.update(_surroundings(device))
    if changes:
        record.setdefault("changes", []).append({"step": run.step, "set": list(changes)})
    return run


def _say_what_differs(path: Path, record: dict[str, Any], now: dict[str, Any]) -> None:
    differing = [name for name, value in now.items() if record.get(name) != value]
    if differing:
        warn(
            f"{path}: {', '.join(differing)} differ from before, so it goes on, but not bit for bit as it would have"
        )


def _refuse_other_fits(plan: Plan, before: Plan) -> None:
    """Refuse changes that what is in the checkpoint does not fit: its weights, optimizer state and best figure."""
    now, then = _fitted(plan), _fitted(before)
    changed = sorted(field for field in now.keys() | then.keys() if now.get(field) != then.get(field))
    if changed:
        raise InputError(
            f"--set {changed[0]}: the trained weights fit only what it was. Start a new run for another"
        )


def _fitted(plan: Plan) -> dict[str, Any]:
    table = plan.resolved()
    fields = {"optimizers.critic.name": table["optimizers"]["critic"]["name"]}
    fields["optimizers.generator.name"] = table["optimizers"]["generator"]["name"]
    for part in ("architecture", "metric"):
        fields.update({f"{part}.{field}": value for field, value in (table[part] or {}).items()})
    return fields


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


def _trainer(plan: Plan, images: Images, device: torch.device, precision: Precision) -> Trainer:
    pixels = torch.from_numpy(images.pixels)
    if device.type == "cuda" and pixels.nbytes < torch.cuda.mem_get_info(device)[0] // 2:
        pixels = pixels.to(device)
    return Trainer(plan, pixels, split(len(images)).training, device, precision)


def _surroundings(device: torch.device) -> dict[str, Any]:
    """Return what a resume must find unchanged to be exact."""
    return {
        "device": device.type,
        "hardware": describe_hardware(device),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "versions": {
            "gan-model-zoo": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    }


def _record(plan: Plan, images: Images, device: torch.device, precision: Precision) -> dict[str, Any]:
    parts = split(len(images))
    return {
        "format": 1,
        "recipe": plan.recipe.name,
        "started": datetime.now(UTC).isoformat(timespec="microseconds"),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "seed": plan.training.seed,
        **_surroundings(device),
        "precision": precision,
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
