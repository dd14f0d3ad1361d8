"""What looking costs: an evaluation's probe beside the steps between two evaluations, and a report.

python -m benchmarks.probes [--steps 3] [--report RUN ...] [RECIPE ...]

Seconds are the processor's, on one thread: whatever else runs on the machine does not count. Pixels are random.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.support.machine import machine
from benchmarks.support.subjects import plan_of
from zoo.data.sampler import Sampler
from zoo.data.split import split
from zoo.evaluation.measure import RealImages
from zoo.evaluation.monitor import Monitor
from zoo.images import Images
from zoo.runs.record import RunRecord
from zoo.runs.saving import RunFiles
from zoo.training.device import choose_precision
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable

IMAGES = 10_000
"""The nearest training images are searched for among 8,192 at most."""
RECIPES = ("camel-gan", "camel-wgangp", "horse-wgan", "face-wgangp")


def seconds(work: Callable[[], object]) -> float:
    """Return the processor's seconds that some work takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def cost(recipe: str, steps: int) -> str:
    """Return a row of the table."""
    plan = plan_of(recipe)
    pixels = torch.randint(0, 256, (IMAGES, *plan.architecture.image_shape), dtype=torch.uint8).numpy()
    images = Images(pixels, "unknown", "random")
    parts, device = split(IMAGES), torch.device("cpu")
    sampler = Sampler(torch.from_numpy(pixels), parts.training, device)
    trainer = Trainer(plan, sampler, device, choose_precision("auto", device))
    trainer.train_step()
    step = seconds(lambda: [trainer.train_step() for _ in range(steps)]) / steps
    monitor = Monitor(plan, RealImages(images, parts), trainer.ema.module)
    metric = seconds(lambda: monitor.value(steps))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    looks = []
    for _ in range(2):
        began = time.process_time()
        seen = monitor.seen(steps, trainer.critic)
        looks.append(time.process_time() - began)
    assert seen is not None
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    with tempfile.TemporaryDirectory() as folder:
        files = RunFiles(Path(folder), RunRecord.model_construct(), threaded=False)
        written = seconds(lambda: files.save_probe(seen))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    between = plan.training.eval_every * step
    share = 100 * (looks[1] + written) / between
    return (
        f"| `{recipe}` | {between:,.0f} s ({plan.training.eval_every} x {step:.2f}) | {metric:.2f} s | "
        f"{looks[0]:.2f} s, then {looks[1]:.2f} s | {written:.2f} s, {size / 1e3:.0f} kB | {share:.2f} % | "
        f"{more:.0f} MB |"
    )


def report(run: Path) -> str:
    """Return what writing a report took, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.html"
        command = [sys.executable, "-m", "zoo", "report", str(run), "--out", str(out)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        size, most = out.stat().st_size / 1e6, after.ru_maxrss / 1024
        return f"{run.name}: report of {size:.2f} MB in {took:.1f} s, {most:.0f} MB at most"


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", default=RECIPES, metavar="RECIPE")
    parser.add_argument("--steps", type=int, default=3, help="steps whose mean is taken")
    parser.add_argument("--report", type=Path, nargs="*", default=[], metavar="RUN", help="runs to report on")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    # First: a process that is started counts the memory of the one that starts it, too.
    for run in arguments.report:
        print(report(run), flush=True)
    print(
        "| recipe | steps between two evaluations | metric | probe | written | of the steps | more memory |"
    )
    for recipe in arguments.recipes:
        print(cost(recipe, arguments.steps), flush=True)


if __name__ == "__main__":
    main()
