"""Small random moves of each image: a handful of drawings looks like many to the critic."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field
from torch.nn import functional

from zoo.components import Augmentation
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor


class Affine(Augmentation):
    """Rotate, scale, shear, shift and mirror each image by its own random amount.

    Real and generated images are changed alike, so that the generator learns them as they were, but for what no critic
    can see afterwards (Karras et al. 2020, *Training Generative Adversarial Networks with Limited Data*, section 3.1).

    Differentiable once (bilinear sampling), so that the generator learns through it. Random numbers come from
    torch's global generator of the images' device, six an image whatever the fields say.
    """

    name: ClassVar[str] = "affine"
    degrees: float = Field(
        default=10.0, ge=0, le=180, description="rotation is uniform in [-degrees, degrees]"
    )
    scale: float = Field(default=0.1, ge=0, lt=1, description="size is uniform in [1 - scale, 1 + scale]")
    translate: float = Field(
        default=0.1, ge=0, le=1, description="shift is uniform within this part of height and width"
    )
    shear: float = Field(
        default=0.0, ge=0, le=45, description="horizontal shear is uniform in [-shear, shear] degrees"
    )
    flip: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="probability of mirroring left and right; at 0.5 the critic cannot tell them apart, so that the "
        "way generated pictures face is chance, and below 0.5 it is that of most real ones",
    )
    padding: Literal["black", "border", "reflection"] = Field(
        default="black",
        description="what comes in from outside: black (-1), the edge's colour, or the image mirrored",
    )

    def augment(self, images: Tensor) -> Tensor:
        """Return (N, C, H, W) like the images; with every field at 0 the very same values."""
        chance = torch.rand(6, len(images), device=images.device)
        if self.flip > 0:
            images = torch.where((chance[5] < self.flip).view(-1, 1, 1, 1), images.flip(3), images)
        # Sampling at unmoved places would still round, so that nothing to do means doing nothing.
        if not (self.degrees or self.scale or self.translate or self.shear):
            return images
        height, width = images.shape[2:]
        return self._sample(images, self._matrices(2 * chance[:5] - 1, width / height))

    def _matrices(self, amount: Tensor, aspect: float) -> Tensor:
        """Turn amounts (5, N) in [-1, 1] into (N, 2, 3): from places in the result to places in the image.

        Places are in [-1, 1] on both axes; `aspect` (width / height) keeps rotations of oblong ones rigid.
        """
        turn = amount[0] * math.radians(self.degrees)
        size = 1 + amount[1] * self.scale
        lean = torch.tan(amount[2] * math.radians(self.shear))
        cos, sin = torch.cos(turn) / size, torch.sin(turn) / size
        shift_x, shift_y = 2 * self.translate * amount[3], 2 * self.translate * amount[4]
        first = torch.stack([cos + lean * sin, (lean * cos - sin) / aspect, shift_x], dim=1)
        second = torch.stack([sin * aspect, cos, shift_y], dim=1)
        return torch.stack([first, second], dim=1)

    def _sample(self, images: Tensor, matrices: Tensor) -> Tensor:
        grid = functional.affine_grid(matrices.to(images.dtype), list(images.shape), align_corners=False)
        if self.padding == "black":
            moved = functional.grid_sample(images + 1, grid, padding_mode="zeros", align_corners=False)
            return moved - 1
        return functional.grid_sample(images, grid, padding_mode=self.padding, align_corners=False)


@hookimpl
def zoo_register_augmentations() -> Iterable[type[Augmentation]]:
    return [Affine]
