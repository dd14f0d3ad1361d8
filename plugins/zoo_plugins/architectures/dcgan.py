"""DCGAN-style generator and critic with the choices of Foster, *Generative Deep Learning*, chapter 4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from zoo.components import Architecture
from zoo.hookspecs import hookimpl
from zoo.layers.activation import LeakyReLU
from zoo.layers.head import Head
from zoo.layers.image_convolution import CriticConv2d
from zoo.layers.upsampling import SameConvTranspose2d, UpsampledConv2d

if TYPE_CHECKING:
    from collections.abc import Iterable

    from zoo.components import Plan
    from zoo.images import ImageShape

Activation = Literal["relu", "leaky-relu"]
Sizes = Annotated[tuple[Annotated[int, Field(ge=1, le=8192)], ...], Field(min_length=1, max_length=16)]
Rate = Annotated[float, Field(ge=0, lt=1)]
Momentum = Annotated[float, Field(gt=0, lt=1)]
BATCH_NORM_EPS = 1e-3
LAYER_LIMIT = 1 << 25
"""Numbers in a layer's weights, and in what it makes of one image: 134 MB, more than any ONNX file may hold."""


class Dcgan(Architecture):
    """A dense layer and convolutions up to an image; strided convolutions and a dense layer down to a score.

    Each tuple has one entry a layer. Weights start as N(0, `weight_std`), biases at 0 (Radford et al. 2015).
    """

    name: ClassVar[str] = "dcgan"
    paper: ClassVar[str] = (
        "Radford, Metz, Chintala, *Unsupervised Representation Learning with Deep Convolutional Generative "
        "Adversarial Networks*, 2015, arXiv:1511.06434, section 3"
    )
    initial: tuple[
        Annotated[int, Field(ge=1, le=256)],
        Annotated[int, Field(ge=1, le=256)],
        Annotated[int, Field(ge=1, le=8192)],
    ] = Field(default=(7, 7, 64), description="height, width and channels after the dense layer")
    generator_upsample: tuple[Literal[1, 2], ...] = Field(
        default=(2, 2, 1, 1),
        description="2: nearest x2 upsampling, then convolution; 1: transposed convolution",
    )
    generator_filters: Sizes = Field(
        default=(128, 64, 64, 1), description="channels each layer makes; the last are the image's"
    )
    generator_kernels: Sizes = Field(default=(5, 5, 5, 5), description="kernel sizes; odd after upsampling")
    generator_strides: Sizes = Field(
        default=(1, 1, 1, 1), description="strides of the transposed convolutions; 1 elsewhere"
    )
    generator_batch_norm_momentum: Momentum | None = Field(
        default=None,
        description="Keras's momentum (torch's is 1 - m) of batch norm in the generator; without it none",
    )
    generator_activation: Activation = Field(
        default="relu", description="after each layer but the last, which is tanh"
    )
    generator_dropout: Rate = Field(default=0.0, description="dropout rate after the dense layer")
    critic_filters: Sizes = Field(default=(64, 64, 128, 128), description="channels each layer makes")
    critic_kernels: Sizes = Field(default=(5, 5, 5, 5), description="kernel sizes")
    critic_strides: Sizes = Field(default=(2, 2, 2, 1), description="strides")
    critic_batch_norm_momentum: Momentum | None = Field(
        default=None,
        description="Keras's momentum of batch norm after each layer but the first; without it none",
    )
    critic_activation: Activation = Field(default="relu", description="after each convolution")
    critic_dropout: Rate = Field(default=0.0, description="dropout rate after each activation")
    slope: float = Field(default=0.2, ge=0, le=1, description="of leaky-relu for negative values")
    weight_std: float = Field(default=0.02, gt=0, description="standard deviation of the initial weights")

    @model_validator(mode="after")
    def _layers_fit(self) -> Self:
        for side, fields in (("generator", ("upsample", "filters", "kernels", "strides")),
                             ("critic", ("filters", "kernels", "strides"))):  # fmt: skip
            lengths = {f"{side}_{field}": len(getattr(self, f"{side}_{field}")) for field in fields}
            if len(set(lengths.values())) > 1:
                found = ", ".join(f"{name} {length}" for name, length in lengths.items())
                raise ValueError(f"each layer needs one entry in every tuple, found {found}")
        for layer, (up, kernel, stride) in enumerate(
            zip(self.generator_upsample, self.generator_kernels, self.generator_strides, strict=True)
        ):
            if up == 2 and stride != 1:
                raise ValueError(
                    f"generator layer {layer} upsamples, so its stride must be 1, found {stride}"
                )
            if stride == 1 and kernel % 2 == 0:
                raise ValueError(
                    f"generator layer {layer} has stride 1, so its kernel must be odd to keep the size, found {kernel}"
                )
        if self.generator_filters[-1] not in (1, 3):
            raise ValueError(
                f"the last of generator_filters is the image's channels, 1 or 3, found {self.generator_filters[-1]}"
            )
        if max(self.image_shape[1:]) > 1024:
            raise ValueError(
                f"images of {self.image_shape[1]} x {self.image_shape[2]} are over 1024 pixels a side"
            )
        return self

    @model_validator(mode="after")
    def _critic_has_pixels(self) -> Self:
        _, height, width = self.image_shape
        for layer, (kernel, stride) in enumerate(zip(self.critic_kernels, self.critic_strides, strict=True)):
            found = f"{height} x {width}"
            height, width = (_strided(side, kernel, stride) for side in (height, width))
            if min(height, width) < 1:
                raise ValueError(
                    f"critic layer {layer} is given {found} pixels, too few for its kernel of {kernel}"
                )
        return self

    @model_validator(mode="after")
    def _layers_are_bounded(self) -> Self:
        height, width, channels = self.initial
        sizes = [("generator's dense layer", self.latent_dim * height * width * channels)]
        for layer, filters in enumerate(self.generator_filters):
            factor = self.generator_upsample[layer] * self.generator_strides[layer]
            height, width = height * factor, width * factor
            weights = channels * filters * self.generator_kernels[layer] ** 2
            sizes.append((f"generator layer {layer}", max(weights, filters * height * width)))
            channels = filters
        channels, height, width = self.image_shape
        for layer, filters in enumerate(self.critic_filters):
            kernel = self.critic_kernels[layer]
            height, width = (_strided(side, kernel, self.critic_strides[layer]) for side in (height, width))
            weights = channels * filters * kernel**2
            sizes.append((f"critic layer {layer}", max(weights, filters * height * width)))
            channels = filters
        for name, size in sizes:
            if size > LAYER_LIMIT:
                raise ValueError(
                    f"{name} has {size:,} numbers in its weights or of one image, over {LAYER_LIMIT:,}"
                )
        return self

    def check(self, plan: Plan) -> str | None:
        """Refuse batch norm over a single image."""
        if plan.training.batch_size > 1:
            return None
        for field in ("generator_batch_norm_momentum", "critic_batch_norm_momentum"):
            if getattr(self, field) is not None:
                return (
                    "batch_size is 1, and batch norm over one image has no variance to divide by. "
                    f"Use 2 or more, or remove {field}"
                )
        return None

    @property
    def image_shape(self) -> ImageShape:
        """(C, H, W): the initial size times every upsampling and stride."""
        factor = 1
        for up, stride in zip(self.generator_upsample, self.generator_strides, strict=True):
            factor *= up * stride
        return self.generator_filters[-1], self.initial[0] * factor, self.initial[1] * factor

    def generator(self) -> nn.Module:
        """Return a new generator: z (N, latent_dim) -> images (N, C, H, W) in [-1, 1]."""
        return _initialised(DcganGenerator(self), self.weight_std)

    def critic(self) -> nn.Module:
        """Return a new critic: images (N, C, H, W) -> raw scores (N,)."""
        return _initialised(DcganCritic(self), self.weight_std)


class DcganGenerator(nn.Module):
    """Dense, then upsampling or transposed convolutions, then tanh."""

    def __init__(self, fields: Dcgan) -> None:
        super().__init__()
        height, width, channels = self._initial = fields.initial
        units = height * width * channels
        self.dense = nn.Sequential(nn.Linear(fields.latent_dim, units))
        if fields.generator_batch_norm_momentum is not None:
            self.dense.append(nn.BatchNorm1d(units, BATCH_NORM_EPS, 1 - fields.generator_batch_norm_momentum))
        self.dense.append(_rectifier(fields))
        if fields.generator_dropout:
            self.dense.append(nn.Dropout(fields.generator_dropout))
        self.body = nn.Sequential()
        for layer, filters in enumerate(fields.generator_filters):
            self.body.extend(_growing(fields, layer, channels, filters))
            channels = filters

    def forward(self, z: Tensor) -> Tensor:
        """Return images (N, C, H, W) in [-1, 1] for z (N, latent_dim)."""
        height, width, channels = self._initial
        # Height, width, channels is Keras's order, and leaves the tensor in channels_last without a copy.
        x = self.dense(z).view(-1, height, width, channels).permute(0, 3, 1, 2)
        # tanh in bfloat16 would round bright pixels to 1/128: coarser than the 1/255 of the images.
        return torch.tanh(self.body(x).float())


class DcganCritic(nn.Module):
    """Strided convolutions, then one linear layer to a raw score."""

    def __init__(self, fields: Dcgan) -> None:
        super().__init__()
        channels, height, width = fields.image_shape
        self.body = nn.Sequential()
        layers = zip(fields.critic_filters, fields.critic_kernels, fields.critic_strides, strict=True)
        for layer, (filters, kernel, stride) in enumerate(layers):
            self.body.append(CriticConv2d(channels, filters, kernel, stride, _padding(kernel)))
            if fields.critic_batch_norm_momentum is not None and layer > 0:
                self.body.append(
                    nn.BatchNorm2d(filters, BATCH_NORM_EPS, 1 - fields.critic_batch_norm_momentum)
                )
            # A gradient penalty differentiates it twice.
            self.body.append(LeakyReLU(fields.slope if fields.critic_activation == "leaky-relu" else 0.0))
            if fields.critic_dropout:
                self.body.append(nn.Dropout(fields.critic_dropout))
            height, width = (_strided(side, kernel, stride) for side in (height, width))
            channels = filters
        self.head = Head(channels * height * width)

    def forward(self, images: Tensor) -> Tensor:
        """Return raw scores (N,) in float32 for images (N, C, H, W)."""
        features = self.body(images)
        # Scores differ by less than bfloat16 resolves once the critic is trained.
        with torch.autocast(features.device.type, enabled=False):
            scores: Tensor = self.head(features.float())
        return scores


def _padding(kernel: int) -> int:
    return (kernel - 1) // 2


def _strided(side: int, kernel: int, stride: int) -> int:
    """Return the side of what the critic's convolution makes; below 1 it cannot be made."""
    return (side + 2 * _padding(kernel) - kernel) // stride + 1


def _growing(fields: Dcgan, layer: int, channels: int, filters: int) -> Iterable[nn.Module]:
    kernel, stride = fields.generator_kernels[layer], fields.generator_strides[layer]
    if fields.generator_upsample[layer] == 2:
        yield UpsampledConv2d(channels, filters, kernel)
    else:
        yield SameConvTranspose2d(channels, filters, kernel, stride)
    if layer < len(fields.generator_filters) - 1:
        if fields.generator_batch_norm_momentum is not None:
            yield nn.BatchNorm2d(filters, BATCH_NORM_EPS, 1 - fields.generator_batch_norm_momentum)
        yield _rectifier(fields)


def _rectifier(fields: Dcgan) -> nn.Module:
    """Return the generator's activation."""
    # A batch norm does not need its own result again: in its place, the activation takes no memory and less time. Who
    # hooks the batch norm sees it rectified; full backward hooks need `module.inplace = False` first.
    inplace = fields.generator_batch_norm_momentum is not None
    return nn.ReLU(inplace) if fields.generator_activation == "relu" else nn.LeakyReLU(fields.slope, inplace)


def _initialised(network: nn.Module, std: float) -> nn.Module:
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


@hookimpl
def zoo_register_architectures() -> Iterable[type[Architecture]]:
    return [Dcgan]
