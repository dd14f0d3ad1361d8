"""Figures of a finished generator."""

from __future__ import annotations

import math
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.api import load
from zoo.errors import InputError, ResourceError
from zoo.figures.measure import has_torch, measured
from zoo.figures.metrics import asked_for, available
from zoo.figures.opened import checkpoint_generator
from zoo.figures.publish import same_weights
from zoo.figures.real import images_of, real_set, recipe_of
from zoo.figures.result import SPLITS, Evaluation
from zoo.plugins.collect import load_registry, load_torchless_registry
from zoo.system.arguments import given_choice, given_flag, given_text, given_whole, given_words
from zoo.system.console import say
from zoo.system.disk_space import usable_memory
from zoo.system.paths import given_name, given_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from zoo.figures.metrics import Chosen
    from zoo.figures.result import SplitChoice
    from zoo.generators.folder import GeneratorFolder
    from zoo.generators.generator import Generator
    from zoo.plugins.registry import Registry
    from zoo.recipes.recipe import Recipe

    Show = Callable[[Iterable[NDArray[np.uint8]], int], Iterable[NDArray[np.uint8]]]
    """Passes batches of pictures through, and shows how many of so many there are."""

BATCH = 64
"""Pictures at a time: Ctrl-C waits for them."""
BYTES_A_VALUE = 20
"""Memory for each number of each picture: as a byte, as float32, and what swd and energy make of them and of fewer real
ones. `python -m benchmarks.metrics.memory` measures it."""
BYTES_A_REAL_VALUE = 12
"""Memory for each number of each real image: as float32, and as float64 for energy."""
BYTES_A_PICTURE = 1 << 16
"""Memory beside that: patches that swd looks at, or what a network sees."""
BYTES_AT_THE_ENDS = 15
"""Memory for each number of two sets of real images and one of noise that `--ends` measures as well."""


def evaluate(
    name: str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    metrics: Sequence[str] = (),
    features: str | None = None,
    changes: Sequence[str] = (),
    pictures: int = 10_000,
    split: SplitChoice = "auto",
    seed: int = 0,
    checkpoint: str | None = None,
    ends: bool = False,
    into: GeneratorFolder | None = None,
    show: Show | None = None,
) -> Evaluation:
    """Return figures of a generator, compared with real images.

    Args:
        name: what `load` takes.
        data: a local `.npy`, folder or zip of images; without it those of the recipe that the generator names.
        metrics: names, `swd` or `kid:drawings` with what it looks through; without them the recipe's metric and
            all others that can be measured here.
        features: what metrics look through that are named without it: `drawings`.
        changes: `METRIC.FIELD=value` for fields of the metrics.
        pictures: how many to generate.
        split: the real images to compare with: `held-out`, `training` or `all`; `auto` is those held out, where the
            images are the ones that the generator learnt from and enough to hold some out.
        seed: of the pictures.
        checkpoint: of a run: `best`, `last` or a step.
        ends: measure real images and noise too.
        into: the folder that the figures are for: weights that it does not hold are refused at once.
        show: passes batches of pictures through, for progress.

    Raises:
        BusyError: it is a run that is starting, or trains and has no generator yet.
        ZooError: its other subclasses say what went wrong.
    """
    name = given_name(given_text(name, "name"), "name", needed=True)
    pictures, seed = given_whole(pictures, "pictures"), given_whole(seed, "seed")
    given_choice(split, "split", SPLITS)
    given_flag(ends, "ends")
    metrics = given_words(metrics, "metrics", "METRIC")
    changes = given_words(changes, "changes", "swd.patches=64")
    features = None if features is None else given_name(given_text(features, "features"), "features")
    source = None if data is None else given_path(data, "data", needed=True)
    began = time.perf_counter()
    registry = load_registry() if has_torch() else load_torchless_registry()
    generator = load(name) if checkpoint is None else checkpoint_generator(Path(name), checkpoint)
    weights = None if generator.config is None else generator.config.digest
    with closing(generator):
        if into is not None:
            same_weights(into, weights)
        _check_room(generator, pictures, 0, ends=ends)
        recipe = recipe_of(name, generator, registry)
        chosen = _chosen(metrics, features, changes, recipe, registry)
        real = real_set(images_of(source, recipe, generator, registry), generator, split)
        _check_room(generator, pictures, len(real.reference), ends=ends)
        for one in chosen:
            if one.required:
                real.compared(one.metric)
        say(
            f"{name}: {pictures:,} pictures of seed {seed}, compared with {len(real.reference):,} {real.words}"
        )
        made, seconds = _pictures(generator, pictures, seed, show)
    figures = measured(chosen, made, real, seed, ends=ends)
    if not any(figure.value is not None for figure in figures):
        raise InputError(f"{name}: no metric could be measured. The first: {figures[0].missing}")
    took = time.perf_counter() - began
    return Evaluation(name, pictures, seed, weights, real.described(), figures, took, pictures / seconds)


def _check_room(generator: Generator, pictures: int, real: int, *, ends: bool) -> None:
    """Refuse more pictures than can be measured in the memory that is free, before the first is made.

    `real` is how many images they are compared with, as far as that is known.
    """
    if pictures < 1:
        raise InputError(f"-n {pictures}: there is nothing to measure. Make at least 2, better thousands")
    a_value = BYTES_A_VALUE + (BYTES_AT_THE_ENDS if ends else 0)
    values = math.prod(generator.image_shape)
    each, beside = a_value * values + BYTES_A_PICTURE, real * BYTES_A_REAL_VALUE * values
    room, needed = usable_memory(), pictures * each + beside
    if needed > room:
        most = max(0, room - beside) // each
        raise ResourceError(
            f"-n {pictures}: to measure {pictures:,} pictures takes {needed:,} bytes of memory, and at most {room:,} "
            f"can be had here. " + (f"Use at most -n {most}" if most else "Compare with fewer images")
        )


def _chosen(
    metrics: Sequence[str],
    features: str | None,
    changes: Sequence[str],
    recipe: Recipe | None,
    registry: Registry,
) -> list[Chosen]:
    if not has_torch():
        _refuse_without_torch(metrics, registry)
    if metrics:
        named = asked_for(metrics, features, changes, registry)
        if features is not None and not any(one.features for one in named):
            raise InputError(
                f"--features {features}: {', '.join(one.spelt for one in named)} looks at pixels. Leave it out"
            )
        return named
    found = available(None if recipe is None else recipe.metric, features, changes, registry)
    if not has_torch():
        say(
            f"torch is not installed, so only {', '.join(one.spelt for one in found)} can be measured. "
            'For the others run pip install "gan-model-zoo[train]"'
        )
    return found


def _refuse_without_torch(metrics: Sequence[str], registry: Registry) -> None:
    """Refuse metrics that are not there while torch is not."""
    there = registry.names("metric")
    for name in (spelt.strip().partition(":")[0] for words in metrics for spelt in words.split(",")):
        if name and name not in there:
            raise InputError(
                f"{name}: torch is not installed, and without it there is only {', '.join(there)}. "
                f'Run pip install "gan-model-zoo[train]", or use --metric {there[0]}'
            )


def _pictures(
    generator: Generator, count: int, seed: int, show: Show | None
) -> tuple[NDArray[np.uint8], float]:
    """Return pictures (N, C, H, W) and the seconds that the generator took for them."""
    made = np.empty((count, *generator.image_shape), np.uint8)
    began, at = time.perf_counter(), 0
    batches = generator.batches(count, seed, batch=BATCH)
    for batch in batches if show is None else show(batches, count):
        channels_first = batch[:, None] if batch.ndim == 3 else batch.transpose(0, 3, 1, 2)
        made[at : at + len(batch)] = channels_first
        at += len(batch)
    return made, time.perf_counter() - began
