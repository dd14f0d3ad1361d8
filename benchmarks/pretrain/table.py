"""Print what is said of the pretrained generators, and draw the pictures beside it.

python -m benchmarks.pretrain.table [--rounds 50] [--pictures DIR]

The first tables are README's, one for each way in which they were measured: figure, parameters, size, and how long one
picture takes, as the median of the rounds, all in turns. The last, in docs/generators.md, is where they come from.
`--pictures` draws eight pictures of seed 0 of each into a folder.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import zoo
from benchmarks.support.machine import machine
from zoo.generators.bundled import FOLDER, bundled_generators
from zoo.generators.files import CARD, ONNX_FP16
from zoo.generators.folder import GeneratorFolder
from zoo.generators.measures import by_own_measure
from zoo.generators.pictures import grid, png
from zoo.runs.generator.network import architecture_of

ROOT = Path(__file__).parents[2]
SEED = 0
PICTURES = 8


def folders() -> dict[str, GeneratorFolder]:
    """Return the generators of the package by name."""
    return {name: GeneratorFolder.open(path) for name, path in bundled_generators().items()}


def milliseconds(names: list[str], rounds: int) -> dict[str, float]:
    """Return the median time of one picture of each generator, after some that are not counted."""
    generators = {name: zoo.load(name) for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(-5, rounds):
        for name, generator in generators.items():
            began = time.perf_counter()
            generator.sample(1, seed=abs(seed))
            if seed >= 0:
                times[name].append(time.perf_counter() - began)
    return {name: 1e3 * statistics.median(found) for name, found in times.items()}


def summary(folders: dict[str, GeneratorFolder], rounds: int) -> list[str]:
    """Return README's tables, one for each way in which their trainings measured."""
    times = milliseconds(list(folders), rounds)
    lines = []
    for measure, names in by_own_measure({name: folder.config for name, folder in folders.items()}).items():
        metric = "" if measure is None else f" {measure.metric}, {measure.better} is better |"
        images = "" if measure is None else measure.data
        lines += [
            "",
            f"| {images} | name |{metric} parameters | ONNX | a picture takes | licence of the images |",
        ]
        lines.append("|---|---|---|---|---|---|" + "---|" * (measure is not None))
        lines += [row(name, folders[name], times[name]) for name in names]
    return lines[1:]


def row(name: str, folder: GeneratorFolder, milliseconds: float) -> str:
    """Return a generator's row of README's tables."""
    _, parameters = architecture_of(folder.config, name).parameter_counts
    size = (folder.path / ONNX_FP16).stat().st_size
    training = folder.config.training
    value = "-" if training.value is None else f"{training.value:.1f}"
    figure = "" if training.metric is None else f" {value} |"
    return (
        f"| ![]({picture(name, 'docs')}) | `{name}` |{figure} {parameters:,} | "
        f"{size / 1e6:.1f} MB | {milliseconds:.1f} ms | {folder.config.data.licence} |"
    )


def picture(name: str, folder: str) -> str:
    """Return where a generator's pictures lie."""
    return f"{folder}/generators/{name}.png"


def card(name: str) -> str:
    """Return where a generator's model card lies, seen from docs/."""
    return f"../{FOLDER.relative_to(ROOT).as_posix()}/{name}/{CARD}"


def origins(folders: dict[str, GeneratorFolder]) -> list[str]:
    """Return the table of docs/generators.md."""
    head = "| name | images | steps | trained by | in | licence of the images |"
    lines = [head, "|---|---|---|---|---|---|"]
    for name, folder in folders.items():
        training, data = folder.config.training, folder.config.data
        lines.append(
            f"| [`{name}`]({card(name)}) | {data.images} from {data.source} | {training.step} | "
            f"`{training.command}` | {training.seconds:.0f} s, {training.hardware} | {data.licence} |"
        )
    return lines


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    found = folders()
    print("\n".join([*summary(found, arguments.rounds), "", *origins(found), "", machine()]))
    if arguments.pictures is not None:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        for name in found:
            pictures = zoo.load(name).sample(PICTURES, seed=SEED)
            image = grid(pictures, columns=PICTURES, scale=1)
            (arguments.pictures / f"{name}.png").write_bytes(png(image))


if __name__ == "__main__":
    main()
