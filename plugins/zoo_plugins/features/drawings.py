"""What a small network that has learnt to name and to redraw drawings sees in them; it ships with the zoo."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from safetensors.torch import load
from torch import nn
from torch.nn import functional

from zoo.components import Features
from zoo.errors import InputError, IntegrityError
from zoo.hookspecs import hookimpl
from zoo.images import describe_shape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

WEIGHTS = Path(__file__).parent / "drawings.safetensors"
SHA256 = "cb3c377e6fe0f98b358f5f87604f5740bbb3ec842cec16d6a44ef8544077a7e2"
SIDE = 28


class Drawings(Features):
    """64 numbers of a network that names drawings of birds, cats, dogs and flowers, and redraws them.

    It learnt from Quick, Draw! (Google, CC BY 4.0), white on black at 28 x 28; `python -m benchmarks.drawings` made
    its weights. Each number has mean 0 and deviation 1 over those drawings.
    """

    name: ClassVar[str] = "drawings"

    @torch.no_grad()
    def extract(self, images: Tensor) -> Tensor:
        """Return float32 (N, 64) for grey images, which are resized to 28 x 28 where they are of another size.

        Raises:
            InputError: the images are in colour.
            IntegrityError: the file of its weights is missing or changed.
        """
        if images.shape[1] != 1:
            raise InputError(
                f"drawings: it looks at grey drawings, and these are {describe_shape(_shape(images))}. "
                "Use the features of photographs, like efficientnet-lite0"
            )
        looking = _trained(images.device)
        return looking(_resized(images.float()))  # type: ignore[no-any-return]

    def protocol(self) -> str:
        """Return the network, its weights, and what becomes of images of another size."""
        return (
            f"drawings ({SHA256[:12]}, 64 numbers, grey, other sizes to 28x28 antialiased bilinear, float32)"
        )


def network() -> nn.Sequential:
    """Return the network, without what it has learnt: grey (N, 1, 28, 28) in [-1, 1] to (N, 64)."""
    return nn.Sequential(
        *_layer(1, 16),
        nn.AvgPool2d(2),
        *_layer(16, 32),
        *_layer(32, 48),
        nn.AvgPool2d(2),
        *_layer(48, 96),
        *_layer(96, 96),
        nn.AvgPool2d(3, stride=2),
        nn.Flatten(),
        nn.Linear(9 * 96, 64),
    )


def _layer(inputs: int, outputs: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()


def _resized(images: Tensor) -> Tensor:
    if images.shape[2:] == (SIDE, SIDE):
        return images
    return functional.interpolate(
        images, size=(SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False
    )


def _shape(images: Tensor) -> tuple[int, int, int]:
    _, channels, height, width = images.shape
    return channels, height, width


@cache
def _trained(device: torch.device) -> nn.Module:
    """Return the network with its weights on a device; they lie in float16, and are used in float32."""
    try:
        data = WEIGHTS.read_bytes()
    except OSError as error:
        raise IntegrityError(f"{WEIGHTS}: {error.strerror}. Install gan-model-zoo again") from error
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise IntegrityError(
            f"{WEIGHTS}: its sha256 is {found[:12]}..., and {SHA256[:12]}... is expected. "
            "Install gan-model-zoo again"
        )
    with torch.device("meta"):
        made = network()
    made.load_state_dict({name: tensor.float() for name, tensor in load(data).items()}, assign=True)
    return made.requires_grad_(requires_grad=False).eval().to(device)


@hookimpl
def zoo_register_features() -> Iterable[type[Features]]:
    return [Drawings]
