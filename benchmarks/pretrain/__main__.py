"""Make a generator that comes with the package again: train, export, check, and keep what is shipped.

python -m benchmarks.pretrain NAME [--data PATH] [--seed 0] [--into DIR]

The last checkpoint is shipped, not the best by the sliced Wasserstein distance: docs/generators.md says why. With
`--run DIR` a run that was trained elsewhere is taken instead, with `--generator` a folder that `zoo export --checkpoint
last --out` wrote from it. The weights go in as float16 in ONNX, checked against torch's float32.
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
from zoo.generators.bundled import FOLDER
from zoo.generators.files import ONNX_FP16, SAMPLES
from zoo.generators.folder import GeneratorFolder
from zoo.runs.generator import write_generator
from zoo.runs.metrics_log import figure_at

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
REPORT = "onnx/report.json"
IMAGES = {
    "cat-wgangp": {"source": "Quick, Draw! cats, the first 3,999 bitmaps", "licence": "cc-by-4.0"},
    "horse-wgan": {"source": "CIFAR-10 horses", "licence": "none stated"},
    "horse-wgangp": {"source": "CIFAR-10 horses", "licence": "none stated"},
}
"""What a file given with `--data` does not say about itself."""
CHANGES = {"cat-wgangp": ("data.category=cat",)}
"""Of the recipe, where the images are not its own and no file is given."""


def train(name: str, data: Path | None, seed: int, run: Path) -> Path:
    """Train the recipe of a generator, and return its run folder."""
    changes = () if data is not None else CHANGES.get(name, ())
    return zoo.train(RECIPES[name], data=data, seed=seed, changes=changes, out=run)


def described(name: str, run: Path, config: GeneratorConfig) -> GeneratorConfig:
    """Return the facts with the figure of the step that is shipped, and with what the images' file did not say."""
    training, data = config.training, config.data.model_copy(update=IMAGES.get(name, {}))
    if training.metric is not None:
        value = figure_at(run, training.metric, training.step)
        training = training.model_copy(update={"value": value})
    return config.model_copy(update={"training": training, "data": data})


def shipped(name: str, run: Path, generator: Path | None, into: Path) -> Path:
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
    GeneratorFolder.write(into, files, config.model_copy(update={"files": {}}))
    return into


def main() -> None:
    """Make one."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--generator", type=Path)
    parser.add_argument("--into", type=Path)
    arguments = parser.parse_args()
    run = arguments.run or train(
        arguments.name, arguments.data, arguments.seed, Path("runs") / arguments.name
    )
    print(shipped(arguments.name, run, arguments.generator, arguments.into or FOLDER / arguments.name))
    print(machine())


if __name__ == "__main__":
    main()
