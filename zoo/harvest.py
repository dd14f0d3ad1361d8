"""From a run's checkpoint to a generator folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safetensors.torch import save

from zoo import __version__
from zoo.checkpoint import checkpoint_path, checkpoints, load_checkpoint
from zoo.ema import calibrated
from zoo.errors import InputError
from zoo.evaluation import make_images
from zoo.generator_folder import (
    SAMPLES,
    WEIGHTS,
    ComponentRecord,
    DataRecord,
    GeneratorConfig,
    TrainingRecord,
    add_files,
)
from zoo.generators import to_uint8
from zoo.pictures import grid, png
from zoo.plan import Plan, make_plan
from zoo.plugins import load_registry
from zoo.recipe import read_recipe
from zoo.run import SAMPLE_COUNT, SAMPLE_SEED
from zoo.runs import GENERATOR, read_record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from zoo.components import Component

RECIPE = "recipe.toml"


def write_generator(run: Path, which: str = "best") -> Path:
    """Write `run/generator` from a checkpoint and return it.

    Args:
        run: the run folder.
        which: `best` by the recipe's metric (the last when the run was never measured), `last`, or a step.

    Raises:
        InputError: there is no such checkpoint.
        IntegrityError: the checkpoint is damaged.
    """
    record = read_record(run)
    plan = make_plan(read_recipe(run / RECIPE), load_registry(), str(run / RECIPE))
    path = _choose(run, record, which)
    state = load_checkpoint(path)
    network = plan.architecture.generator()
    network.load_state_dict(state["trainer"]["ema"])
    dim, batch = plan.architecture.latent_dim, plan.training.batch_size
    network = calibrated(network, dim, batch)
    pictures = to_uint8(make_images(network, SAMPLE_SEED, SAMPLE_COUNT, dim, batch).numpy())
    weights = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    folder = run / GENERATOR
    config = _config(plan, record, state)
    # An ONNX file made from other weights must not outlive them.
    for stale in folder.glob("onnx/*"):
        stale.unlink()
    add_files(folder, {WEIGHTS: weights, SAMPLES: png(grid(pictures))}, config)
    return folder


def _choose(run: Path, record: dict[str, Any], which: str) -> Path:
    there = checkpoints(run)
    if not there:
        raise InputError(f"{run}: it has no checkpoint yet. Go on with `zoo resume {run}`")
    best = record.get("best")
    if which == "last" or (which == "best" and not best):
        return there[-1]
    if which != "best" and not which.isdigit():
        raise InputError(f"--checkpoint {which}: it is neither best nor last nor a step. Give one of these")
    path = checkpoint_path(run, int(best["step"]) if which == "best" and best else int(which))
    if path not in there:
        steps = ", ".join(str(int(path.name.removeprefix("step-"))) for path in there)
        raise InputError(f"--checkpoint {which}: {run} has none of that step. It has {steps}")
    return path


def _config(plan: Plan, record: dict[str, Any], state: dict[str, Any]) -> GeneratorConfig:
    registry = load_registry()

    def records(components: Iterable[Component]) -> tuple[ComponentRecord, ...]:
        return tuple(registry.record(component) for component in components)

    step = state["trainer"]["step"]
    best = record.get("best") or {}
    return GeneratorConfig(
        library=f"gan-model-zoo {__version__}",
        recipe=plan.recipe.name,
        architecture=registry.record(plan.architecture),
        latent_dim=plan.architecture.latent_dim,
        image_shape=plan.architecture.image_shape,
        training=TrainingRecord(
            step=step,
            steps=record["step"],
            batch_size=plan.training.batch_size,
            critic_steps=plan.training.critic_steps,
            seed=plan.training.seed,
            seconds=float(record["seconds"]),
            hardware=record["hardware"],
            precision=record["precision"],
            metric=None if plan.metric is None else plan.metric.name,
            value=best["value"] if best.get("step") == step else None,
            protocol=record["protocol"],
            losses=records(plan.losses),
            regularizers=records(plan.regularizers),
            augmentations=records(plan.augmentations),
        ),
        data=DataRecord.model_validate(record["data"]),
    )
