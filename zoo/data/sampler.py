"""Batches of the images that a training learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from zoo.data.split import split
from zoo.system.console import warn

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.images import Images


class Sampler:
    """Draws real images.

    Args:
        pixels: uint8 (N, C, H, W), all images, on any device; may be mapped from a file.
        index: int64 (M,), which of them are for training.
        device: where batches are wanted.
    """

    def __init__(self, pixels: Tensor, index: Tensor, device: torch.device) -> None:
        self._pixels = pixels
        self._index = index.to(pixels.device)
        self._device = device

    @property
    def on_gpu(self) -> bool:
        """Whether the images lie in a GPU's memory."""
        return self._pixels.is_cuda

    def draw(self, count: int) -> Tensor:
        """Return `count` unaugmented images, drawn uniformly as by Foster 2019: float32 (count, C, H, W) in [-1, 1]."""
        chosen = self._index[torch.randint(len(self._index), (count,), device=self._index.device)]
        images = self._pixels[chosen].to(self._device, non_blocking=True)
        return images.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)


def sampler_on(device: torch.device, images: Images) -> Sampler:
    """Return a sampler of the training images; they move to a GPU whole where they take less than half of its free
    memory."""
    pixels = torch.from_numpy(images.pixels)
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        if pixels.nbytes < free // 2:
            pixels = pixels.to(device)
        else:
            warn(
                f"the images take {pixels.nbytes / 1e9:.1f} GB, and the GPU has {free / 1e9:.1f} GB free: they stay in "
                "the computer's memory, and an iteration is made kernel by kernel"
            )
    return Sampler(pixels, split(len(images)).training, device)
