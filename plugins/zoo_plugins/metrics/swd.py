"""How far generated images are from real ones in the look of their details, without any trained network."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from pydantic import Field
from torch.nn import functional

from zoo.components import Metric
from zoo.errors import InputError
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

    from zoo.images import ImageShape

PATCH = 7
SMALLEST_LEVEL = 14
FLATTEST = 1e-4
"""A deviation below this (an 8-bit step is 0.008) is rounding, not detail: it is not blown up to 1."""
DIRECTIONS_AT_ONCE = 32
"""Fewer of many images, so that what lies on all lines at once stays within `SORTED_AT_ONCE` numbers a set."""
SORTED_AT_ONCE = 1 << 22
IMAGES_AT_ONCE = 64
"""Images that are blurred in one call: a CPU takes many times their memory for it."""


class SlicedWasserstein(Metric):
    """Sliced Wasserstein distance on a Laplacian pyramid (Karras et al. 2018, section 5) x 1e3; 0 is best.

    Each level's 7 x 7 patches become descriptors, normalised per colour channel by the mean and deviation of
    their own set, as in the paper: the overall brightness and contrast of a level do not count. Distances are
    averaged over directions and levels. Few images give a floor above 0: compare equal numbers only.

    Both sets are looked at in the same places and directions, drawn from a generator of its own: measuring
    never changes training, and the same images give the same figure.
    """

    name: ClassVar[str] = "swd"
    paper: ClassVar[str] = (
        "Karras et al., *Progressive Growing of GANs for Improved Quality, Stability, and Variation*, 2018, "
        "arXiv:1710.10196, section 5"
    )
    any_device: ClassVar[bool] = True
    patches: int = Field(default=32, ge=1, le=1024, description="patches an image and level")
    directions: int = Field(default=128, ge=1, le=4096, description="random directions a level")
    seed: int = Field(default=0, ge=0, lt=2**63, description="of the random places and directions")

    @torch.no_grad()
    def measure(self, real: Tensor, fake: Tensor) -> float:
        """Return the distance of two sets; of the larger one as many images are drawn as the smaller one has.

        Raises:
            InputError: an image is smaller than a patch, or the sets differ in shape.
        """
        if real.shape[1:] != fake.shape[1:] or min(real.shape[2:]) < PATCH:
            raise InputError(
                f"swd: real images are {tuple(real.shape[1:])}, generated ones {tuple(fake.shape[1:])}. "
                f"Give images of one shape, of at least {PATCH} x {PATCH} pixels"
            )
        random = torch.Generator().manual_seed(self.seed)
        count = min(len(real), len(fake))
        pyramids = zip(
            _pyramid(_draw(real, count, random)), _pyramid(_draw(fake, count, random)), strict=True
        )
        distances = [self._distance(one, other, random) for one, other in pyramids]
        return 1e3 * sum(distances) / len(distances)

    def protocol(self, shape: ImageShape) -> str:
        """Return one line with the levels used for images of this shape, and how close the look is."""
        levels = ", ".join(f"{height}x{width}" for height, width in _levels(*shape[1:]))
        return (
            f"sliced Wasserstein distance x 1e3 on Laplacian levels {levels}: {self.patches} patches of "
            f"{PATCH}x{PATCH} an image and level, {self.directions} directions, seed {self.seed}"
        )

    def _distance(self, one: Tensor, other: Tensor, random: torch.Generator) -> float:
        """Return the mean over directions of the Wasserstein distance of two levels (N, C, H, W)."""
        count, _, height, width = one.shape
        top = torch.randint(height - PATCH + 1, (count, self.patches), generator=random)
        left = torch.randint(width - PATCH + 1, (count, self.patches), generator=random)
        first, second = (_descriptors(level, (top * width + left).to(level.device)) for level in (one, other))
        directions = torch.randn(self.directions, first.shape[1], generator=random)
        directions = functional.normalize(directions, dim=1).to(one.device)
        total = 0.0
        for some in torch.split(directions, min(DIRECTIONS_AT_ONCE, max(1, SORTED_AT_ONCE // len(first)))):
            gap = (some @ first.T).sort(dim=1).values - (some @ second.T).sort(dim=1).values
            total += gap.abs().mean(dim=1).sum().item()
        return total / self.directions


def _draw(images: Tensor, count: int, random: torch.Generator) -> Tensor:
    if len(images) == count:
        return images.float()
    return images[torch.randperm(len(images), generator=random)[:count].to(images.device)].float()


def _levels(height: int, width: int) -> list[tuple[int, int]]:
    """Return the sizes of the levels, largest first, halved while both sides keep `SMALLEST_LEVEL` pixels."""
    sizes = [(height, width)]
    while min(half := ((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2)) >= SMALLEST_LEVEL:
        sizes.append(half)
    return sizes


def _pyramid(images: Tensor) -> Iterator[Tensor]:
    """Give what each level shows beyond the next smaller one, and the smallest level as it is."""
    for height, width in _levels(*images.shape[2:])[1:]:
        detail = torch.empty_like(images)
        smaller = images.new_empty(*images.shape[:2], height, width)
        for some, apart, less in zip(
            *(torch.split(level, IMAGES_AT_ONCE) for level in (images, detail, smaller)), strict=True
        ):
            less.copy_(_blur(some, stride=2))
            spread = torch.zeros_like(some)
            spread[:, :, ::2, ::2] = less
            # Three of four pixels are empty, so that the blur brings a quarter of the light.
            torch.sub(some, 4 * _blur(spread), out=apart)
        yield detail
        del detail, apart
        images = smaller
    yield images


def _blur(images: Tensor, stride: int = 1) -> Tensor:
    line = torch.tensor([1.0, 4, 6, 4, 1], device=images.device) / 16
    planes = functional.pad(images.flatten(0, 1).unsqueeze(1), (2, 2, 2, 2), mode="reflect")
    blurred = functional.conv2d(planes, torch.outer(line, line)[None, None], stride=stride)
    return blurred.view(*images.shape[:2], *blurred.shape[2:])


def _descriptors(level: Tensor, corners: Tensor) -> Tensor:
    """Cut patches at flat positions (N, P) out of (N, C, H, W): (N * P, C * 49), normalised per channel."""
    count, channels, _, width = level.shape
    steps = torch.arange(PATCH, device=level.device)
    inside = (steps[:, None] * width + steps).flatten()
    places = (corners[:, :, None] + inside).view(count, 1, -1).expand(-1, channels, -1)
    patches = level.flatten(2).gather(2, places).view(count, channels, -1, PATCH**2)
    del places  # twice as large as the patches
    deviation, mean = torch.std_mean(patches, dim=(0, 2, 3), keepdim=True, correction=0)
    patches.sub_(mean).div_(deviation.clamp_min(FLATTEST))
    return patches.transpose(1, 2).flatten(0, 1).flatten(1)


@hookimpl
def zoo_register_metrics() -> Iterable[type[Metric]]:
    return [SlicedWasserstein]
