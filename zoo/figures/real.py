"""Which real images a generator is compared with, and what is known of their part in its training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from zoo.__about__ import DISTRIBUTION
from zoo.data.split import REFERENCE_LIMIT, TRAINING_LIMIT, places, protocol_line
from zoo.errors import InputError
from zoo.figures.result import Compared
from zoo.images import describe_shape
from zoo.plugins.planning import dataset_at
from zoo.recipes.recipe import read_recipe
from zoo.runs.folder import GENERATOR, RECIPE, is_run
from zoo.system.console import warn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.components import Dataset, Metric
    from zoo.evaluation.measure import RealImages
    from zoo.figures.metrics import Chosen
    from zoo.figures.result import SplitChoice
    from zoo.generators.generator import Generator
    from zoo.images import Images
    from zoo.plugins.registry import Registry
    from zoo.recipes.recipe import Recipe

HELD_OUT = "held-out images"
GIVE_DATA = "Give --data PATH: a .npy file, a folder or a zip of images"


@dataclass(frozen=True)
class RealSet:
    """Real images, and which of them generated ones are compared with (positions)."""

    images: Images
    reference: NDArray[np.int64]
    training: NDArray[np.int64] | None
    """Those that the generator learnt from; None where that is not known."""
    words: str
    """What the reference images are: `held-out images`."""
    learnt_from: bool | None
    """Whether the generator learnt from this set; None where nothing says so."""

    @cached_property
    def tensors(self) -> RealImages:
        """The same for metrics of tensors, with what extractors have seen in the images."""
        import torch

        from zoo.data.split import Split
        from zoo.evaluation.measure import RealImages

        training = self.reference[:0] if self.training is None else self.training
        split = Split(torch.from_numpy(training), torch.from_numpy(self.reference), held_out=True)
        return RealImages(self.images, split)

    def compared(self, metric: Metric) -> NDArray[np.int64]:
        """Return where the images lie that a metric compares with.

        Raises:
            InputError: it compares with training images, and which these are is not known.
        """
        if metric.compares_with == "held-out":
            return self.reference
        if self.training is None:
            raise InputError(
                f"{metric.name}: it compares with the images that the generator learnt from, and {self.images.source} "
                "is not known to be those. Give them with --data PATH"
            )
        return _evenly(self.training, TRAINING_LIMIT)

    def protocol(self, chosen: Chosen, generated: int, seed: int) -> str:
        """Return the line that says how a metric's figure came about; raises as `compared` does."""
        metric, count = chosen.metric, len(self.compared(chosen.metric))
        of = self.training if metric.compares_with == "training" else None
        against = f"{count} {self.words}" if of is None else f"{count} of {len(of)} training images"
        line = protocol_line(metric, self.images.shape, chosen.features, generated, against)
        return f"{line}; pictures of seed {seed} in 8 bits"

    def halves(
        self, most: int, compares_with: Literal["held-out", "training"] = "held-out"
    ) -> tuple[NDArray[np.uint8], RealSet]:
        """Return real images to measure as if they were generated, at most so many, and those to compare them with.

        Where some are held out, they are training images for a metric that compares with the held-out ones, and
        held-out images for one that compares with the training ones. Else half are compared with the others. So none is
        compared with itself.

        Raises:
            InputError: there is a single image.
        """
        if self.training is not None and self.words == HELD_OUT:
            other = self.reference if compares_with == "training" else self.training
            return self.images.pixels[_evenly(other, most)], self
        if len(self.reference) < 2:
            raise InputError(f"--ends: {self.images.source} has a single image, and none to compare it with")
        others = self.reference[1::2]
        rest = replace(self, reference=others, training=None if self.training is None else others)
        return self.images.pixels[self.reference[::2][:most]], rest

    def described(self) -> Compared:
        """Return what a result says of the images."""
        images = self.images
        return Compared(images.source, len(images), images.fingerprint, self.learnt_from)


def recipe_of(name: str, generator: Generator, registry: Registry) -> Recipe | None:
    """Return the recipe that a run holds, or the known one that a generator names; None where there is none.

    Raises:
        InputError: the run's recipe cannot be read.
    """
    path = Path(name)
    for run in (path, path.parent) if path.name == GENERATOR else (path,):
        if is_run(run):
            return read_recipe(run / RECIPE)
    known = registry.recipes()
    return None if generator.recipe not in known else read_recipe(known[generator.recipe].path)


def images_of(data: Path | None, recipe: Recipe | None, generator: Generator, registry: Registry) -> Images:
    """Return the images of `--data`, or those of the recipe that the generator was trained by.

    Raises:
        InputError: there are none, they cannot be read, or are of another shape than the generated ones.
        NetworkError: they cannot be fetched, and nothing can stand in.
    """
    dataset = _dataset(data, recipe, generator, registry)
    images = dataset.images()
    for warning in images.warnings:
        warn(warning)
    if images.stand_in is not None:
        warn(images.stand_in.reason)
    if images.shape != generator.image_shape:
        raise InputError(
            f"{images.source}: its images are {describe_shape(images.shape)}, {generator.name} makes "
            f"{describe_shape(generator.image_shape)}. Give a folder or zip of images, which are resized"
        )
    return images


def _dataset(data: Path | None, recipe: Recipe | None, generator: Generator, registry: Registry) -> Dataset:
    if data is not None:
        return dataset_at(data, generator.image_shape, registry)
    if recipe is None:
        raise InputError(f"{generator.name}: it does not say which images it learnt from. {GIVE_DATA}")
    table = {key: value for key, value in recipe.data.items() if key != "sample"}
    known = generator.config
    if known is not None and table.get("name") != known.data.name:
        raise InputError(
            f"{generator.name}: it learnt from {known.data.source} ({known.data.name}), which is not the data of its "
            f"recipe {recipe.name}. {GIVE_DATA}"
        )
    made = registry.make("dataset", table, f"{recipe.name} [data]", preferred=(DISTRIBUTION,))
    return cast("Dataset", made)


def real_set(images: Images, generator: Generator, choice: SplitChoice) -> RealSet:
    """Return the images to compare with: of the set that the generator learnt from those held out, else all.

    Raises:
        InputError: held-out or training images are asked for, and there are none, or which they are is not known.
    """
    known = generator.config
    learnt_from = None if known is None else known.data.fingerprint == images.fingerprint
    if not learnt_from:
        if choice in ("held-out", "training"):
            why = "another set than it learnt from" if known else "not known to be what it learnt from"
            raise InputError(
                f"--split {choice}: {images.source} is {why}. Leave --split out, or give what {generator.name} learnt "
                "from with --data PATH"
            )
        words = (
            "images of another set than it learnt from" if known else "images, which it may have learnt from"
        )
        return RealSet(images, _evenly(np.arange(len(images)), TRAINING_LIMIT), None, words, learnt_from)
    training, held_out = places(len(images))
    if choice == "all":
        everything = _evenly(np.arange(len(images)), TRAINING_LIMIT)
        return RealSet(images, everything, training, "images, training and held-out ones", learnt_from)
    if choice == "held-out" and not len(held_out):
        raise InputError(
            f"--split held-out: of {len(images)} images none was held out, since they are too few. "
            "Use --split training"
        )
    if choice != "training" and len(held_out):
        return RealSet(images, held_out, training, HELD_OUT, learnt_from)
    few = "" if len(held_out) else " (too few to hold any out)"
    most = TRAINING_LIMIT if len(held_out) else REFERENCE_LIMIT
    return RealSet(images, _evenly(training, most), training, f"training images{few}", learnt_from)


def _evenly(positions: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    return positions[:: -(-len(positions) // most)]
