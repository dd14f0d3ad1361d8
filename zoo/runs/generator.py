"""From a run's checkpoint to a generator folder, and from that back to a network."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load

from zoo.__about__ import __version__
from zoo.errors import InputError, IntegrityError, UsageError, ZooError, counted, quoted, reason_of
from zoo.evaluation.calibration import calibration_batches
from zoo.evaluation.monitor import SAMPLE_COUNT, SAMPLE_SEED
from zoo.evaluation.torch_generator import TorchGenerator
from zoo.evaluation.weights import weights_bytes
from zoo.generators.config import ComponentRecord, DataRecord, GeneratorConfig, TrainingRecord
from zoo.generators.config_file import config_bytes
from zoo.generators.files import CONFIG, FILES, REPORT, SAMPLES, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.generators.pictures import grid, png
from zoo.generators.safetensors_header import TensorHeader, describe, read_header
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import load_plan
from zoo.plugins.registry import validated
from zoo.runs.checkpoints.checkpoint import Check, load_checkpoint, newest_good
from zoo.runs.checkpoints.names import checkpoint_path, checkpoints
from zoo.runs.folder import GENERATOR, RECIPE, refuse_nothing_learnt
from zoo.runs.metrics_log import figure_at
from zoo.runs.record import read_record
from zoo.runs.saving import most_tensor_bytes
from zoo.system.arguments import decimal_count
from zoo.system.atomic import disk_errors
from zoo.system.console import warn
from zoo.training.process_state import isolated
from zoo.training.state_check import check_tensors, count, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from torch import nn

    from zoo.components import Architecture, Component, Plan
    from zoo.evaluation.norm_statistics import Tick
    from zoo.runs.checkpoints.nesting import State
    from zoo.runs.record import RunRecord


_KINDS = {
    torch.float32: "F32",
    torch.int64: "I64",
    torch.float64: "F64",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
    torch.complex64: "C64",
    torch.bool: "BOOL",
    torch.int8: "I8",
    torch.int16: "I16",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.uint16: "U16",
    torch.uint32: "U32",
    torch.uint64: "U64",
}
"""What safetensors calls the types of tensors."""


@isolated()
def write_generator(
    run: Path, which: str = "best", into: Path | None = None, tick: Tick = lambda _done, _of: None
) -> GeneratorFolder:
    """Write a generator folder from a run's checkpoint and return it.

    Args:
        run: the run folder, held by this process.
        which: `best` by the recipe's metric (the last when the run was never measured), `last`, or a step.
        into: where to; without it `run/generator`.
        tick: called as parts of the work are done, the last time just before anything is written; what it raises
            ends the work.

    Raises:
        InputError: there is no such checkpoint.
        IntegrityError: the checkpoint is damaged; for `best` and `last`, all of them are.
    """
    record = read_record(run)
    plan = load_plan(run / RECIPE, where=str(run / RECIPE), preferred=record.versions)
    network = plan.architecture.generator()
    state = _state(run, record, which, partial(_check, network), most_tensor_bytes(plan))
    network.load_state_dict(state["trainer"]["ema"])
    batches = calibration_batches(state["trainer"]["step"])
    parts = batches + 1  # and the samples

    def calibrating(done: int, _of: int) -> None:
        tick(done, parts)

    generator = TorchGenerator.calibrated(
        network, plan.architecture, plan.training.batch_size, batches, calibrating
    )
    pictures = generator.sample(SAMPLE_COUNT, SAMPLE_SEED, batch=generator.batch)
    weights = weights_bytes(generator.network)
    folder = into or run / GENERATOR
    step = state["trainer"]["step"]
    value = None if plan.metric is None else figure_at(run, plan.metric.name, step)
    config = generator_config(plan, record, step, value)
    tick(parts, parts)
    # An ONNX file made from other weights must not outlive them.
    _remove_onnx_files(folder)
    return GeneratorFolder.write(folder, {WEIGHTS: weights, SAMPLES: png(grid(pictures))}, config)


def _remove_onnx_files(folder: Path) -> None:
    """Remove the files that an export wrote; never through a link, and nothing that somebody put beside them."""
    for name in (*FILES.values(), REPORT):
        path = folder / name
        if not path.parent.is_symlink():
            with disk_errors(path):
                path.unlink(missing_ok=True)


@contextmanager
def writing_generator(run: Path, tick: Tick = lambda _done, _of: None) -> Iterator[None]:
    """Leave a generator behind however the training in the block ends, if there is a checkpoint to make it from.

    `tick` is called as `write_generator` does, and before that with 0.
    """
    try:
        yield
    except ZooError:
        # The checkpoint of step 0 holds nothing that was learnt.
        if len(checkpoints(run)) > 1:
            # What ended the training is what people must read.
            with suppress(ZooError):
                tick(0, 1)
                write_generator(run, tick=tick)
        raise
    tick(0, 1)
    write_generator(run, tick=tick)


def _check(network: nn.Module, state: State) -> None:
    """Raise ValueError where a state holds no averaged weights of this network."""
    trainer = table("trainer", state.get("trainer"))
    count("step", trainer.get("step"))
    check_tensors("ema", network.state_dict(), trainer.get("ema"))


def _state(run: Path, record: RunRecord, which: str, check: Check, most: int | None) -> State:
    there = checkpoints(run)
    if not there:
        raise InputError(f"{run}: it has no checkpoint yet. Go on with `zoo resume {quoted(run)}`")
    step = decimal_count(which)
    if step is not None:
        return _at_step(run, step, there, check, most)
    if which not in ("best", "last"):
        raise InputError(f"--checkpoint {which}: it is neither best nor last nor a step. Give one of these")
    refuse_nothing_learnt(run, record)
    if which == "best" and record.best is not None:
        try:
            return load_checkpoint(checkpoint_path(run, record.best.step), check, most)
        except IntegrityError as error:
            warn(f"{error}; the newest whole one stands in for the best")
    state, problems = newest_good(run, check, most)
    for problem in problems:
        warn(problem)
    if state is None:
        raise IntegrityError(
            f"{run}: of its {counted(len(there), 'checkpoint')} none is whole. Train it again"
        )
    return state


def _at_step(run: Path, step: int, there: list[Path], check: Check, most: int | None) -> State:
    path = checkpoint_path(run, step)
    if path not in there:
        steps = ", ".join(str(int(path.name.removeprefix("step-"))) for path in there)
        raise InputError(f"--checkpoint {step}: {run} has none of that step. It has {steps}")
    return load_checkpoint(path, check, most)


def generator_config(plan: Plan, record: RunRecord, step: int, value: float | None) -> GeneratorConfig:
    """Return what `config.json` says of the generator of a step, whose figure is `value`.

    Raises:
        InputError: the file cannot hold it.
    """
    try:
        config = _config(plan, record, step, value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{plan.where}: {CONFIG} cannot hold {where} = {str(first['input'])[:80]!r}: {first['msg']}. Change it"
        ) from error
    config_bytes(config)
    return config


def _config(plan: Plan, record: RunRecord, step: int, value: float | None) -> GeneratorConfig:
    registry = load_registry()

    def records(components: Iterable[Component]) -> tuple[ComponentRecord, ...]:
        return tuple(registry.record(component) for component in components)

    return GeneratorConfig(
        library=f"gan-model-zoo {__version__}",
        recipe=plan.recipe.name,
        architecture=registry.record(plan.architecture),
        latent_dim=plan.architecture.latent_dim,
        image_shape=plan.architecture.image_shape,
        training=TrainingRecord(
            step=step,
            steps=record.step,
            batch_size=plan.training.batch_size,
            critic_steps=plan.training.critic_steps,
            seed=plan.training.seed,
            seconds=record.seconds,
            hardware=record.hardware,
            precision=record.precision,
            metric=None if plan.metric is None else plan.metric.name,
            value=value,
            protocol=record.protocol,
            higher_is_better=None if plan.metric is None else plan.metric.higher_is_better,
            losses=records(plan.losses),
            regularizers=records(plan.regularizers),
            augmentations=records(plan.augmentations),
        ),
        data=DataRecord.model_validate(record.data.model_dump()),
        papers=plan.papers(),
    )


def load_generator(folder: GeneratorFolder) -> nn.Module:
    """Return the folder's network with its verified weights: float32, on the CPU, in eval mode.

    Raises:
        UsageError: its architecture is not installed; the message names who brings it.
        InputError: a field of `config.json` is wrong.
        IntegrityError: the weights are not listed, missing, changed, or do not fit the architecture.
    """
    if not folder.lists(WEIGHTS):
        raise IntegrityError(f"{folder.file(CONFIG)}: it lists no {WEIGHTS}. Get the generator again")
    data, weights, config = folder.read(WEIGHTS), folder.file(WEIGHTS), folder.config
    architecture = architecture_of(config, str(folder.path))
    _check_shapes(weights, architecture)
    network = architecture.generator()
    try:
        network.load_state_dict(load(data))
    except (RuntimeError, ValueError, SafetensorError) as error:
        raise IntegrityError(
            f"{weights}: it does not fit {config.architecture.name}: {reason_of(error)}. Get the generator again"
        ) from error
    return network.eval()


def _check_shapes(weights: Path, architecture: Architecture) -> None:
    """Compare what a file says that it holds with what the network needs, before either takes memory.

    Raises:
        IntegrityError: they differ, or the file's header is damaged.
    """
    try:
        found = read_header(weights)
    except (ValueError, OSError) as error:
        raise IntegrityError(f"{weights}: {error}. Get the generator again") from error
    needed = {
        name: TensorHeader(_KINDS.get(tensor.dtype, str(tensor.dtype)), tuple(tensor.shape))
        for name, tensor in architecture.networks[1].state_dict().items()
    }
    for name in sorted(needed.keys() | found.keys()):
        if needed.get(name) == found.get(name):
            continue
        holds, wants = (
            "no such" if tensor is None else describe(tensor)
            for tensor in (found.get(name), needed.get(name))
        )
        raise IntegrityError(
            f"{weights}: it does not fit {architecture.name}: its tensor {name[:60]!r} is {holds}, and "
            f"{CONFIG} asks for {wants}. Get the generator again"
        )


def architecture_of(config: GeneratorConfig, where: str) -> Architecture:
    """Return the architecture that `config.json` names."""
    record, registry = config.architecture, load_registry()
    entry = registry.entries("architecture").get(record.name)
    if entry is not None and entry.provider.distribution == record.provider.distribution:
        # A rival of the same name is in the way of recipes, which name no provider; here one is named.
        return cast("Architecture", validated(entry.component, record.fields, where, record.name))
    try:
        component = registry.make("architecture", {**record.fields, "name": record.name}, where)
    except UsageError as error:
        provider = record.provider
        raise UsageError(
            f"{where}: it needs architecture {record.name!r} from {provider.distribution} {provider.version}. "
            f"Install that ({error})"
        ) from None
    return cast("Architecture", component)
