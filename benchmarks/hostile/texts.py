"""Recipes, records and folders that are small and ask for much, with the command that reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from tests.support.handmade import config
from zoo.generators.files import CONFIG, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo_plugins.recipes import zoo_register_recipes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Text(NamedTuple):
    """What to write into a folder, and what to ask the zoo then."""

    arguments: list[str]
    write: Callable[[Path], object]


def _recipe(name: str, text: str) -> Text:
    return Text(["train", f"./{name}", "--steps", "1"], lambda folder: (folder / name).write_text(text))


def _changed(name: str, *changes: str) -> Text:
    """Return the zoo's smallest recipe with changes."""
    text = next(path for path in zoo_register_recipes() if path.stem == "camel-wgangp").read_text()
    options = [word for change in changes for word in ("--set", change)]
    return Text(
        ["train", f"./{name}", "--steps", "1", *options], lambda folder: (folder / name).write_text(text)
    )


def _large_kernels(folder: Path) -> None:
    """Write a folder whose configuration asks for kernels that its weights do not hold."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + b"\0" * 4
    _dcgan(folder / "kernels", weights, {"generator_kernels": [63] * 4, "generator_filters": [64, 64, 64, 1]})


def _large_header(folder: Path) -> None:
    """Write a folder whose weights begin with a header of 200 MB."""
    _dcgan(folder / "header", (200 << 20).to_bytes(8, "little") + b" " * 1000, {})


def _dcgan(folder: Path, weights: bytes, fields: dict[str, object]) -> None:
    record = config(latent_dim=100)
    provider = record.architecture.provider.model_copy(update={"distribution": "gan-model-zoo"})
    update = {"name": "dcgan", "fields": fields, "provider": provider}
    part = record.architecture.model_copy(update=update)
    changed = record.model_copy(update={"architecture": part, "image_shape": (1, 28, 28)})
    GeneratorFolder.write(folder, {WEIGHTS: weights}, changed)


def _long_record(folder: Path) -> None:
    (folder / "run").mkdir()
    with (folder / "run" / "run.json").open("wb") as file:
        file.truncate(1 << 30)


def _long_config(folder: Path) -> None:
    (folder / "config").mkdir()
    with (folder / "config" / CONFIG).open("wb") as file:
        file.truncate(1 << 30)


TEXTS = {
    "dotted.toml": _recipe("dotted.toml", ".".join("a" * 32_000) + " = 1"),
    "dots.toml": _recipe("dots.toml", "\n".join(f"x{i}." + ".".join("a" * 99) + " = 1" for i in range(300))),
    "long.toml": _recipe("long.toml", "#" * (8 << 20)),
    "nested.toml": _recipe("nested.toml", "a = " + "[" * 30_000),
    "kernels.toml": _changed("kernels.toml", "architecture.generator_kernels=[255, 255, 255, 255]"),
    "latents.toml": _changed(
        "latents.toml", "architecture.latent_dim=4096", "architecture.initial=[256, 256, 8192]"
    ),
    "batch.toml": _changed(
        "batch.toml", "training.batch_size=65536", "architecture.critic_filters=[512, 512, 1024, 1024]"
    ),
    "filters.toml": _changed(
        "filters.toml", "training.batch_size=65536", "architecture.generator_filters=[1024, 512, 512, 1]"
    ),
    "kernels/": Text(["export", "kernels", "--onnx"], _large_kernels),
    "header/": Text(["export", "header", "--onnx"], _large_header),
    "run.json": Text(["resume", "run"], _long_record),
    "config.json": Text(["generate", "config", "-n", "1"], _long_config),
}
