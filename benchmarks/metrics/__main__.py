"""Whether every metric ranks real images before a trained generator, a half-trained one and noise, in this order.

    python -m benchmarks.metrics camel-wgangp --data cat.npy --trained runs/cat/generator --half runs/cat-half/generator

With `--unseen` all images of `--data` were kept from the trainings, so that there are many to compare with.
With `--copies` in place of generators: what `memorisation` and the figures of variety see in a copycat and a collapse.
A generator is a generator folder or a sample grid (PNG) that a training left.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from benchmarks.support.machine import machine
from benchmarks.support.subjects import Subject
from zoo.errors import ZooError
from zoo.evaluation.measure import Measurement, RealImages, real_images
from zoo.evaluation.torch_generator import TorchGenerator
from zoo.generators.folder import GeneratorFolder
from zoo.plugins.collect import load_registry
from zoo.runs.generator.network import architecture_of, load_generator

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.components import Features, Metric

NAMES = ("swd", "energy", "fid", "kid", "precision", "recall", "density", "coverage", "diversity")
COPIES = (*NAMES, "memorisation")
SEED = 2**41
GRID, GAP, SCALE = 64, 2, 2
CPU = torch.device("cpu")


def pictures(source: Path, count: int, turn: int = 0) -> Tensor:
    """Return what a generator folder makes, or what a sample grid shows: float32 (N, C, H, W) in [-1, 1]."""
    if source.suffix != ".png":
        folder = GeneratorFolder.open(source)
        architecture = architecture_of(folder.config, str(source))
        return TorchGenerator(load_generator(folder), architecture, 64).images(count, SEED + turn)
    grid = torch.from_numpy(np.asarray(Image.open(source))[::SCALE, ::SCALE].copy())
    grid = (grid[None] if grid.dim() == 2 else grid.permute(2, 0, 1)).float().div(127.5).sub(1)
    columns = round(GRID**0.5)
    side = (grid.shape[1] - GAP) // columns
    rows = [
        grid[:, GAP + top * side : (top + 1) * side, GAP + left * side : (left + 1) * side]
        for top in range(columns)
        for left in range(columns)
    ]
    return torch.stack(rows)[:count]


def sets(subject: Subject, arguments: argparse.Namespace, turn: int) -> tuple[RealImages, dict[str, Tensor]]:
    """Return half of the held-out images to compare with, another half at each turn, and the sets that are compared."""
    split = subject.split
    if arguments.unseen:
        rest = split.reference if split.held_out else split.training[:0]
        split = replace(split, reference=torch.cat([split.training, rest]), held_out=True)
    if turn:
        order = torch.randperm(len(split.reference), generator=torch.Generator().manual_seed(turn))
        split = replace(split, reference=split.reference[order])
    half = len(split.reference) // 2
    real = RealImages(subject.images, replace(split, reference=split.reference[:half]))
    others = split.reference[half:] if split.held_out else split.training[half:]
    count = min(half, len(others), arguments.count)
    held_out = real_images(subject.images, others[:count], CPU)
    random = torch.Generator().manual_seed(turn)
    if arguments.copies:
        training = real_images(subject.images, split.compared(metric("memorisation", ""))[:count], CPU)
        noise = torch.randn(training.shape, generator=random)
        copies = {f"copycat {some}": (training + some * noise).clamp(-1, 1) for some in arguments.noise}
        trained = pictures(arguments.trained, count)
        few = trained[: max(1, count // 40)]
        repeated = few.repeat(-(-count // len(few)), 1, 1, 1)[:count]
        jittered = (repeated + 0.02 * torch.randn(repeated.shape, generator=random)).clamp(-1, 1)
        return real, {"real": held_out, **copies, "collapsed": jittered, "healthy": trained}
    made = {
        "trained": pictures(arguments.trained, count, turn),
        "half-trained": pictures(arguments.half, count, turn),
    }
    count = min(count, *(len(some) for some in made.values()))
    noise = torch.rand(held_out[:count].shape, generator=random) * 2 - 1
    return real, {
        "real": held_out[:count],
        **{name: some[:count] for name, some in made.items()},
        "noise": noise,
    }


def metric(name: str, features: str) -> Metric:
    """Return a metric that looks through these features, where it looks through some."""
    kind = load_registry().entry("metric", name).component
    made: Metric = kind(**({"features": features} if features and "features" in kind.model_fields else {}))  # type: ignore[assignment]
    return made


def verdict(one: Metric, figures: list[float]) -> str:
    """Say whether the figures get worse from the first to the last."""
    signed = figures if not one.higher_is_better else [-figure for figure in figures]
    return "yes" if all(a < b for a, b in pairwise(signed)) else "no"


def table(subject: Subject, arguments: argparse.Namespace) -> None:
    """Print one row a metric: of several turns the mean, and how far they deviate from it."""
    turns = [sets(subject, arguments, turn) for turn in range(arguments.turns)]
    real, compared = turns[0]
    measured = [{name: Measurement(some, beside) for name, some in them.items()} for beside, them in turns]
    count = len(next(iter(compared.values())))
    print(f"{count} of each against {len(real.split.reference)} real; {machine()}")
    last = "" if arguments.copies else " | ranked"
    print("| metric | looks through | " + " | ".join(compared) + f"{last} |")
    print("|---|---|" + "---|" * (len(compared) + (not arguments.copies)))
    for spelt in ("", *arguments.features):
        features: Features | None = load_registry().features(spelt, "--features") if spelt else None
        for name in arguments.metric or (COPIES if arguments.copies else NAMES):
            one = metric(name, spelt)
            if (one.extractor is None) == bool(spelt):
                continue
            figures = [[turn[kind].figure(one, features) for turn in measured] for kind in compared]
            means = [statistics.mean(found) for found in figures]
            cells = [
                f"{mean:.4g}" + (f" ± {statistics.stdev(found):.2g}" if len(found) > 1 else "")
                for mean, found in zip(means, figures, strict=True)
            ]
            ranked = [] if arguments.copies else [verdict(one, means)]
            print(f"| {name} | {spelt or 'pixels'} | " + " | ".join(cells + ranked) + " |", flush=True)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", help="whose images are of the data's size")
    parser.add_argument("--data", type=Path, required=True, help="real images, as zoo train takes them")
    parser.add_argument("--trained", type=Path, required=True)
    parser.add_argument("--half", type=Path)
    parser.add_argument("--features", action="append", default=[], help="repeated: each is measured through")
    parser.add_argument("--count", type=int, default=1024, help="images of each set, at most")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--unseen", action="store_true", help="no generator was trained on any of --data")
    kind.add_argument("--copies", action="store_true")
    parser.add_argument("--turns", type=int, default=1, help="other halves and other pictures at each")
    parser.add_argument(
        "--noise", type=float, nargs="+", default=[0.1], help="deviations of the noise added to copies"
    )
    parser.add_argument("--metric", nargs="+", help="only these")
    arguments = parser.parse_args()
    if not arguments.copies and arguments.half is None:
        parser.error("--half is missing")
    warnings.simplefilter("ignore")
    try:
        table(Subject(arguments.recipe, arguments.data), arguments)
    except ZooError as error:
        parser.exit(error.exit_code, f"{error}\n")


if __name__ == "__main__":
    main()
