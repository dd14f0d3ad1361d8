"""Batches of the images that a training learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from zoo.data.file_rows import FileRows
from zoo.data.split import split
from zoo.system.console import warn

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.images import Images


class Sampler:
    """Draws real images.

    Args:
        pixels: uint8 (N, C, H, W), all images: a tensor on any device, or a file's that are read as they are drawn.
        index: int64 (M,), which of them are for training.
        device: where batches are wanted.
    """

    def __init__(self, pixels: Tensor | FileRows, index: Tensor, device: torch.device) -> None:
        self._pixels = pixels
        self._index = index.to(pixels.device) if isinstance(pixels, torch.Tensor) else index
        self._device = device

    @property
    def on_gpu(self) -> bool:
        """Whether the images lie in a GPU's memory."""
        return isinstance(self._pixels, torch.Tensor) and self._pixels.is_cuda

    def draw(self, count: int) -> Tensor:
        """Return `count` unaugmented images, drawn uniformly as by Foster 2019: float32 (count, C, H, W) in [-1, 1]."""
        chosen = self._index[torch.randint(len(self._index), (count,), device=self._index.device)]
        if isinstance(self._pixels, torch.Tensor):
            images = self._pixels[chosen]
        else:
            images = torch.from_numpy(self._pixels[chosen.numpy()])
        images = images.to(self._device, non_blocking=True)
        return images.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)


def sampler_on(device: torch.device, images: Images) -> Sampler:
    """Return a sampler of the training images; they move to a GPU whole where they take less than half of its free
    memory."""
    pixels: Tensor | FileRows
    found = images.pixels
    pixels = found if isinstance(found, FileRows) else torch.from_numpy(np.asarray(found))
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        if found.nbytes < free // 2:
            pixels = torch.from_numpy(np.asarray(found)).to(device)
        else:
            warn(
                f"the images take {found.nbytes / 1e9:.1f} GB, and the GPU has {free / 1e9:.1f} GB free: they stay in "
                "the computer's memory, and an iteration is made kernel by kernel"
            )
    return Sampler(pixels, split(len(images)).training, device)
