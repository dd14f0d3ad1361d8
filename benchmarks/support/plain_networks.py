"""The recipes' networks as widely copied scripts write them: torch's own modules, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from zoo_plugins.architectures.dcgan import BATCH_NORM_EPS

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_plugins.architectures.dcgan import Dcgan


class Generator(nn.Module):
    """The recipe's generator, layer by layer."""

    def __init__(self, fields: Dcgan) -> None:
        super().__init__()
        height, width, channels = self.initial = fields.initial
        self.dense = nn.Sequential(nn.Linear(fields.latent_dim, height * width * channels))
        if fields.generator_batch_norm_momentum is not None:
            units = height * width * channels
            self.dense.append(nn.BatchNorm1d(units, BATCH_NORM_EPS, 1 - fields.generator_batch_norm_momentum))
        self.dense.append(activation(fields.generator_activation, fields.slope))
        self.body = nn.Sequential()
        rows = zip(
            fields.generator_upsample,
            fields.generator_filters,
            fields.generator_kernels,
            fields.generator_strides,
            strict=True,
        )
        for layer, (up, filters, kernel, stride) in enumerate(rows):
            if up == 2:
                self.body.append(nn.Upsample(scale_factor=2))
                self.body.append(nn.Conv2d(channels, filters, kernel, 1, kernel // 2))
            else:
                padding = -(-(kernel - stride) // 2)
                self.body.append(
                    nn.ConvTranspose2d(
                        channels, filters, kernel, stride, padding, 2 * padding - kernel + stride
                    )
                )
            if layer < len(fields.generator_filters) - 1:
                if fields.generator_batch_norm_momentum is not None:
                    self.body.append(
                        nn.BatchNorm2d(filters, BATCH_NORM_EPS, 1 - fields.generator_batch_norm_momentum)
                    )
                self.body.append(activation(fields.generator_activation, fields.slope))
            channels = filters

    def forward(self, z: Tensor) -> Tensor:
        """Return images for latents."""
        height, width, channels = self.initial
        # The zoo's dense layer is ordered height, width, channels; so is this one, to be given the same weights.
        x = self.dense(z).view(-1, height, width, channels).permute(0, 3, 1, 2).contiguous()
        return torch.tanh(self.body(x))


class Critic(nn.Module):
    """The recipe's critic, layer by layer."""

    def __init__(self, fields: Dcgan) -> None:
        super().__init__()
        channels, height, width = fields.image_shape
        self.body = nn.Sequential()
        for filters, kernel, stride in zip(
            fields.critic_filters, fields.critic_kernels, fields.critic_strides, strict=True
        ):
            self.body.append(nn.Conv2d(channels, filters, kernel, stride, (kernel - 1) // 2))
            self.body.append(activation(fields.critic_activation, fields.slope))
            if fields.critic_dropout:
                self.body.append(nn.Dropout(fields.critic_dropout))
            channels, height, width = filters, -(-height // stride), -(-width // stride)
        self.head = nn.Linear(channels * height * width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return scores for images."""
        return self.head(self.body(images).flatten(1)).squeeze(1)  # type: ignore[no-any-return]


def activation(name: str, slope: float) -> nn.Module:
    """Return a module of torch's own."""
    return nn.ReLU() if name == "relu" else nn.LeakyReLU(slope)
