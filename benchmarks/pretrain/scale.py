"""Where a pretrained generator's figure stands between real images and noise.

python -m benchmarks.pretrain.scale NAME [--data PATH]

By the recipe's metric, as a training measures it: training images in place of generated ones, the generator, the same
mirrored (all of it, and every second picture), and uniform noise. Where no images are held out, training ones would be
compared with themselves: they are changed by the recipe's augmentation, and left out where it has none.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import zoo
from benchmarks.pretrain.__main__ import CHANGES, RECIPES
from benchmarks.support.machine import machine
from zoo.data.split import Split, split
from zoo.evaluation.measure import EVALUATION_SEED
from zoo.generators.latents import fixed_latents
from zoo.plugins.collect import load_registry
from zoo.plugins.planning import load_plan, with_data, with_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from zoo.components import Plan
    from zoo.images import Images


def plan_and_images(name: str, data: Path | None) -> tuple[Plan, Images]:
    """Return what a generator was trained by, and on."""
    plan = load_plan(RECIPES[name], () if data is not None else CHANGES.get(name, ()))
    if data is not None:
        plan = with_data(plan, data, load_registry())
    images = plan.data.images()
    if images.stand_in is not None:
        plan = with_stand_in(plan, images.stand_in, load_registry())
    return plan, images


def scaled(pixels: NDArray[Any]) -> Tensor:
    """Return uint8 pixels as float32 in [-1, 1]."""
    return torch.from_numpy(pixels).float().div(127.5).sub(1)


def contestants(name: str, plan: Plan, images: Images, chosen: Split) -> Iterator[tuple[str, Tensor]]:
    """Yield as many images of each kind as a measurement takes."""
    torch.manual_seed(0)
    count = chosen.generated
    places = chosen.training.repeat(-(-count // len(chosen.training)))[:count]
    real = scaled(images.pixels[places.numpy()])
    if not chosen.held_out:
        for augmentation in plan.augmentations:
            real = augmentation.augment(real)
    if chosen.held_out or plan.augmentations:
        yield "training images" + ("" if chosen.held_out else ", augmented"), real
    generator = zoo.load(name)
    made = generator.generate(fixed_latents(EVALUATION_SEED, count, generator.latent_dim))
    pictures = torch.from_numpy(made)
    yield "the generator", pictures
    yield "the generator, mirrored", pictures.flip(3)
    yield "the generator, every second picture mirrored", torch.cat([pictures[::2], pictures[1::2].flip(3)])
    yield "uniform noise", torch.rand(real.shape) * 2 - 1


def main() -> None:
    """Print a figure of each kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=sorted(RECIPES))
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    plan, images = plan_and_images(arguments.name, arguments.data)
    chosen = split(len(images))
    assert plan.metric is not None
    places = chosen.reference.repeat(-(-chosen.generated // len(chosen.reference)))[: chosen.generated]
    reference = scaled(images.pixels[places.numpy()])
    print(f"`{arguments.name}`: {chosen.protocol(plan.metric, plan.architecture.image_shape)}")
    for kind, pictures in contestants(arguments.name, plan, images, chosen):
        print(f"{kind}: {plan.metric.measure(reference, pictures):.1f}")
    print(machine())


if __name__ == "__main__":
    main()
