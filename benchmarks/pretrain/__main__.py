"""Make a generator that comes with the package again: train, export, check, measure, and keep what is shipped.

python -m benchmarks.pretrain NAME [--data PATH] [--seed S] [--into DIR]

The last checkpoint is shipped, not the best by the sliced Wasserstein distance: docs/generators.md says why. With
`--run DIR` a run that was trained elsewhere is taken instead, with `--generator` a folder that `zoo export --checkpoint
last --out` wrote from it. The weights go in as float16 in ONNX, checked against torch's float32; beside them lies the
model card that a push would write, without an owner. The figures need the extra `metrics`, and take minutes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import zoo
from benchmarks.support.machine import machine
from zoo.figures.evaluate import evaluate
from zoo.figures.publish import write_figures
from zoo.generators.bundled import FOLDER
from zoo.generators.files import CARD, ONNX_FP16, REPORT, SAMPLES
from zoo.generators.folder import GeneratorFolder
from zoo.plugins.planning import load_plan
from zoo.runs.folder import RECIPE
from zoo.runs.generator.write import write_generator
from zoo.runs.metrics_log import figure_at
from zoo_hub.card.card import render
from zoo_hub.card.variety import measure
from zoo_plugins.datasets import quickdraw

if TYPE_CHECKING:
    from zoo.generators.config import GeneratorConfig

RECIPES = {
    "camel-gan": "camel-gan",
    "camel-wgan": "camel-wgan",
    "camel-wgangp": "camel-wgangp",
    "cat-wgangp": "camel-wgangp",
    "horse-wgan": "horse-wgan",
    "horse-wgangp": "horse-wgangp",
}
IMAGES = {
    "cat-wgangp": {"source": "Quick, Draw! cats, the first 3,999 bitmaps", "licence": "cc-by-4.0"},
    "horse-wgan": {"source": "CIFAR-10 horses", "licence": "none stated"},
    "horse-wgangp": {"source": "CIFAR-10 horses", "licence": "none stated"},
}
"""What a file given with `--data` does not say about itself."""
BUNDLED = ("data.bundled=true",)
SAMPLE = quickdraw.HERE / "camel-100.npy"
CHANGES = {
    "camel-gan": BUNDLED,
    "camel-wgan": BUNDLED,
    "camel-wgangp": BUNDLED,
    "cat-wgangp": ("data.category=cat", "data.limit=3999"),
}
"""Of the recipe, where the images are not its own and no file is given."""
SEEDS = {"camel-gan": 1, "camel-wgangp": 1, "cat-wgangp": 2}
"""The best of three; the others' is 0."""
METRICS = ("kid", "memorisation", "precision", "recall", "diversity")
PICTURES = 600
"""That the figures are of: as many as horses are held out."""


def train(name: str, data: Path | None, seed: int, run: Path) -> Path:
    """Train the recipe of a generator, and return its run folder."""
    changes = () if data is not None else CHANGES.get(name, ())
    return zoo.train(RECIPES[name], data=data, seed=seed, changes=changes, out=run)


def described(name: str, run: Path, config: GeneratorConfig) -> GeneratorConfig:
    """Return the facts with what the generator's folder does not know.

    That is the figure of the step that is shipped, and what the file of images did not say of itself.
    """
    training, data = config.training, config.data.model_copy(update=IMAGES.get(name, {}))
    plan = load_plan(run / RECIPE, where=str(run / RECIPE))
    if plan.metric is not None:
        figure = {
            "value": figure_at(run, plan.metric.name, training.step),
            "higher_is_better": plan.metric.higher_is_better,
        }
        training = training.model_copy(update=figure)
    return config.model_copy(update={"training": training, "data": data, "papers": plan.papers()})


def shipped(name: str, run: Path, generator: Path | None, into: Path) -> GeneratorFolder:
    """Write what is shipped of a run: its last weights as float16 in ONNX, their proof, pictures and facts."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / name
        if generator is None:
            made = write_generator(run, "last", into=whole)
        else:
            made = GeneratorFolder.open(shutil.copytree(generator, whole))
        # Before the export: it writes licence and figure into the file, too.
        config = described(name, run, made.config)
        GeneratorFolder.write(whole, {}, config)
        subprocess.run([sys.executable, "-m", "zoo", "export", whole, "--onnx", "--fp16"], check=True)
        report = json.loads((whole / REPORT).read_bytes())
        report["variants"] = {"fp16": report["variants"]["fp16"]}
        files = {
            ONNX_FP16: (whole / ONNX_FP16).read_bytes(),
            REPORT: (json.dumps(report, indent=2) + "\n").encode(),
            SAMPLES: (whole / SAMPLES).read_bytes(),
        }
    shutil.rmtree(into, ignore_errors=True)
    return GeneratorFolder.write(into, files, config.model_copy(update={"files": {}}))


def with_figures(name: str, folder: GeneratorFolder, data: Path | None) -> GeneratorFolder:
    """Measure a generator by `METRICS`, against the images that it learnt from, and write that into its folder."""
    if data is None and CHANGES.get(name) == BUNDLED:
        data = SAMPLE
    found = evaluate(folder.path, data=data, metrics=METRICS, pictures=PICTURES, into=folder)
    return write_figures(folder, found)


def write_card(name: str, folder: GeneratorFolder) -> None:
    """Write the model card beside the files that it describes."""
    card = render(name, folder.config, variety=measure(folder))
    folder.file(CARD).write_text(card, "utf-8", newline="")


def main() -> None:
    """Make one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seed", type=int, help="without it that of the one that ships")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--generator", type=Path)
    parser.add_argument("--into", type=Path)
    arguments = parser.parse_args()
    if arguments.data is None and CHANGES.get(arguments.name) != BUNDLED:
        parser.error("--data is missing: what it is measured against at the end")
    seed = SEEDS.get(arguments.name, 0) if arguments.seed is None else arguments.seed
    run = arguments.run or train(arguments.name, arguments.data, seed, Path("runs") / arguments.name)
    folder = shipped(arguments.name, run, arguments.generator, arguments.into or FOLDER / arguments.name)
    write_card(arguments.name, with_figures(arguments.name, folder, arguments.data))
    print(folder.path)
    print(machine())


if __name__ == "__main__":
    main()
