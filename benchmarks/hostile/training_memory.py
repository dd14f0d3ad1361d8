"""How near the estimate of a training's memory is to what it takes: each recipe at several batches, two steps.

python -m benchmarks.hostile.training_memory [--precision bf16] [RECIPE ...]: a row for each, with estimate / measured
peak.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from benchmarks.support.machine import machine
from zoo.images import Images
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import load_plan
from zoo.training.build import build_trainer
from zoo.training.device import Precision
from zoo.training.memory.need import need_of


def resident(kind: str) -> int:
    """Return the bytes this process has resident (VmRSS), or the most it had (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{kind}:"))


def one(recipe: str, batch: int, parts: int, precision: Precision) -> None:
    """Print the estimate, and by how many bytes the peak grows over two steps."""
    # More critic steps take more time, and no more memory.
    changes = [f"training.batch_size={batch}", f"training.accumulate={parts}", "training.critic_steps=1"]
    plan = load_plan(recipe, changes)
    need = need_of(plan, 1 << 40, precision=precision)
    pixels = np.zeros((batch, *plan.architecture.image_shape), np.uint8)
    images = Images(pixels, licence="unknown", source="noise")
    cuda = torch.cuda.is_available()
    before = resident("VmRSS")
    trainer = build_trainer(plan, images, torch.device("cuda" if cuda else "cpu"), precision, eager=True)
    for _ in range(2):
        trainer.train_step()
    peak = torch.cuda.max_memory_reserved() if cuda else resident("VmHWM") - before
    print(json.dumps([need.bytes(batch, parts), peak]))


def main() -> None:
    """Print a table; with `--one BATCH PARTS`, be one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE")
    parser.add_argument("--precision", choices=get_args(Precision), default="fp32")
    parser.add_argument("--one", nargs=2, type=int, metavar=("BATCH", "PARTS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        batch, parts = given.one
        one(given.recipes[0], batch, parts, given.precision)
        return
    print("| recipe | batch | parts | estimate, MB | measured, MB | ratio |\n|---|---|---|---|---|---|")
    for recipe in given.recipes or load_registry().recipes():
        for batch, parts in ((64, 1), (256, 1), (256, 4)):
            this = [
                sys.executable,
                "-m",
                "benchmarks.hostile.training_memory",
                "--precision",
                given.precision,
            ]
            command = [*this, recipe, "--one", str(batch), str(parts)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            estimate, peak = json.loads(done.stdout.splitlines()[-1])
            figures = f"{estimate / 1e6:.0f} | {peak / 1e6:.0f} | {estimate / peak:.2f}"
            print(f"| {recipe} | {batch} | {parts} | {figures} |", flush=True)
    print(f"\n{given.precision}, {machine()}")


if __name__ == "__main__":
    main()
