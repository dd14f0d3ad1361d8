"""From a run's checkpoint to a generator folder."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from zoo.errors import ZooError
from zoo.evaluation.calibration import calibration_batches
from zoo.evaluation.monitor import SAMPLE_COUNT, SAMPLE_SEED
from zoo.evaluation.torch_generator import TorchGenerator
from zoo.evaluation.weights import weights_bytes
from zoo.generators.files import FILES, REPORT, SAMPLES, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.generators.pictures import grid, png
from zoo.plugins.planning import load_plan
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.folder import GENERATOR, RECIPE
from zoo.runs.generator.choice import chosen_state
from zoo.runs.generator.config import generator_config
from zoo.runs.metrics_log import figure_at
from zoo.runs.record import read_record
from zoo.runs.saving import most_tensor_bytes
from zoo.system.atomic import disk_errors
from zoo.training.process_state import isolated
from zoo.training.state_check import check_tensors, count, table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch import nn

    from zoo.evaluation.norm_statistics import Tick
    from zoo.runs.checkpoints.nesting import State


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
    state = chosen_state(run, record, which, partial(_check, network), most_tensor_bytes(plan))
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
