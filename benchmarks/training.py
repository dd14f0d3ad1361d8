"""How long a whole iteration takes (n critic steps and one generator step): plain loops, and the zoo's, in turns.

python -m benchmarks.training [--rounds 5] [--precision fp32] [RECIPE ...]

In float32, and in bfloat16 where the zoo trains in it. With tensorflow and keras installed, Keras's too; its operations
are taken to be the plain loop's. On a GPU, the zoo's kernel by kernel and, as `zoo train` does it, replayed from a CUDA
graph. A processor may be held to what an older one has: `ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 python -m
benchmarks.training --precision fp32`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, get_args

import torch

from benchmarks.support.machine import machine, matrix_rate, matrix_side
from benchmarks.support.operations import Operations
from benchmarks.support.plain_loop import PlainLoop
from benchmarks.support.subjects import plan_of
from zoo.data.sampler import Sampler
from zoo.training.device import Precision, choose_device, choose_precision
from zoo.training.graph_capture import CudaGraphCapture
from zoo.training.graph_trainer import WARM_UP, GraphTrainer
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo.components import Plan

    Iteration = Callable[[], object]

SYSTEMS = ("camel-gan", "horse-wgan", "face-wgangp", "camel-wgangp", "horse-wgangp")
KERAS = ("keras",) if find_spec("tensorflow") and find_spec("keras") else ()
IMAGES = 1024
LEAST = 0.3
"""Seconds that a turn lasts at least: one iteration on a GPU is too short to be timed alone."""


def iteration(way: str, plan: Plan) -> Iteration:
    """Return what makes one iteration on random pixels and waits until the device has made it."""
    device = choose_device("auto")
    pixels = torch.randint(0, 256, (IMAGES, *plan.architecture.image_shape), dtype=torch.uint8)
    if way == "plain":
        return PlainLoop(plan, pixels, device).iteration
    if way == "keras":
        from benchmarks.support.keras_loop import KerasLoop

        return KerasLoop(plan, pixels).iteration
    trainer = trainer_of(way, plan, pixels.to(device))
    return lambda: float(trainer.train_step().losses["generator"])


def trainer_of(way: str, plan: Plan, pixels: torch.Tensor) -> Trainer:
    """Return the zoo's trainer, warm where it replays."""
    precision: Precision = "bf16" if way.startswith("bf16") else "fp32"
    index = torch.arange(IMAGES)
    if not way.endswith("graph"):
        return Trainer(plan, Sampler(pixels, index, pixels.device), pixels.device, precision)
    recorder = CudaGraphCapture(pixels.device)
    trainer = GraphTrainer(
        plan, Sampler(pixels, index, pixels.device), pixels.device, precision, recorder, sys.exit
    )
    list(trainer.steps(WARM_UP + 1))
    return trainer


def ways_of(precision: Precision) -> tuple[str, ...]:
    """Return what takes turns: the loops of others, and the zoo's in float32 and in `precision`."""
    own = dict.fromkeys(("fp32", precision))
    graphs = (f"{name} graph" for name in own) if torch.cuda.is_available() else ()
    return ("plain", *KERAS, *own, *graphs)


def operations(make: Iteration) -> float:
    """Return how many floating-point operations of matrices and convolutions an iteration takes."""
    with Operations() as counter:
        make()
    return float(counter.total)


def seconds(make: Iteration) -> float:
    """Return how long one iteration takes; one before it finds the threads of another still spinning."""
    make()
    made, began = 0, time.perf_counter()
    while not made or time.perf_counter() - began < LEAST:
        make()
        made += 1
    return (time.perf_counter() - began) / made


def measured(way: str, plan: Plan) -> tuple[Iteration, float | None]:
    """Return what makes iterations, and the MiB that it and three of them need on a GPU."""
    if not torch.cuda.is_available():
        return iteration(way, plan), None
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    make = iteration(way, plan)
    for _ in range(3):
        make()
    return make, (torch.cuda.max_memory_allocated() - before) / 2**20


def peak_memory(way: str, recipe: str) -> float:
    """Return the MiB that three iterations need, in a process of their own."""
    command = [sys.executable, "-m", "benchmarks.peak_memory", way, recipe]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def rows(recipe: str, ways: tuple[str, ...], rounds: int) -> list[str]:
    """Return a recipe's rows of the table."""
    plan = plan_of(recipe)
    contenders, peaks = {}, {}
    for way in ways:
        contenders[way], peaks[way] = measured(way, plan)
    counted = {way: way.removesuffix(" graph") if way not in KERAS else "plain" for way in ways}
    once = {way: operations(contenders[way]) for way in set(counted.values())}
    work = {way: once[same] for way, same in counted.items()}
    taken = [{way: seconds(make) for way, make in contenders.items()} for _ in range(rounds)]
    images = plan.training.batch_size * plan.training.critic_steps
    found = []
    for way in ways:
        median = statistics.median(row[way] for row in taken)
        ratio = statistics.median(row["plain"] / row[way] for row in taken)
        rate = work[way] / median
        share = rate / matrix_rate("bf16" if way.startswith("bf16") else "fp32")
        found.append(
            f"| `{recipe}` | {way} | {median:.3g} | {images / median:.0f} | {ratio:.2f} | {rate / 1e12:.3f} | "
            f"{100 * share:.0f} % | {peaks[way] or peak_memory(way, recipe):.0f} |"
        )
    return found


def main() -> None:
    """Print a table: medians of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(SYSTEMS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=get_args(Precision))
    arguments = parser.parse_args()
    chosen = arguments.precision or choose_precision("auto", choose_device("auto"))
    ways = ways_of(chosen)
    # All shapes stay as they are: for every way alike, cuDNN looks for the fastest algorithms first.
    torch.backends.cudnn.benchmark = True
    print("| recipe | loop | s | images/s | ratio | TFLOP/s | of the matrix product | peak MiB |")
    print("|---|---|---|---|---|---|---|---|")
    for recipe in arguments.recipes:
        for row in rows(recipe, ways, arguments.rounds):
            print(row, flush=True)
    rates = ", ".join(
        f"{name} {matrix_rate(name) / 1e12:.3f} TFLOP/s" for name in dict.fromkeys(("fp32", chosen))
    )
    side = matrix_side()
    print(f"\nmatrix product of {side} x {side}: {rates}; medians of {arguments.rounds}")
    print(f"{machine()}{others()}")


def others() -> str:
    """Return the versions of the notes' framework, where it took part."""
    if not KERAS:
        return ""
    import keras
    import tensorflow

    return f", keras {keras.__version__} on tensorflow {tensorflow.__version__}"


if __name__ == "__main__":
    main()
