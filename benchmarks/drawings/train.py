"""A network that learns to name drawings and to draw them again, and the part of it that ships."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors.torch import save
from torch import nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from zoo.data.npy import read_images
from zoo.data.split import split
from zoo_plugins.augmentations.affine import Affine
from zoo_plugins.features import drawings

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

CATEGORIES = ("bird", "cat", "dog", "flower")
BATCH = 128
RATE = 3e-3
MOVED = Affine(degrees=15.0, scale=0.15, translate=0.08, shear=10.0, flip=0.5)


def pictures(path: Path) -> tuple[Tensor, Tensor]:
    """Return a category's drawings as uint8 (N, 1, 28, 28): those to learn from, and those held out."""
    pixels = torch.from_numpy(np.ascontiguousarray(read_images(path, None)[:]))
    parts = split(len(pixels))
    return pixels[parts.training], pixels[parts.reference]


def scaled(pixels: Tensor) -> Tensor:
    """Return uint8 as float32 in [-1, 1]."""
    return pixels.float().div(127.5).sub(1)


class Student(nn.Module):
    """The network with batch norms, and what it is taught by: naming a drawing, and drawing it again."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for layer in drawings.network():
            layers.append(layer)
            if isinstance(layer, nn.Conv2d):
                layers.append(nn.BatchNorm2d(layer.out_channels))
        self.network = nn.Sequential(*layers)
        self.name = nn.Sequential(nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, len(CATEGORIES)))
        self.redraw = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Linear(512, 28 * 28), nn.Tanh())

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of the names plus the mean squared error of the drawings made again."""
        seen = self.network(images)
        named = functional.cross_entropy(self.name(seen), labels, label_smoothing=0.05)
        return named + functional.mse_loss(self.redraw(seen), images.flatten(1))

    def accuracy(self, images: Tensor, labels: Tensor) -> float:
        """Return the share of images that get their own name."""
        with torch.no_grad():
            return float((self.name(self.network(images)).argmax(1) == labels).float().mean())


def varied(images: Tensor) -> Tensor:
    """Return images moved a little, with other strokes: thicker, softer, and some with noise."""
    images = MOVED.augment(images)
    chance = torch.rand(len(images), 1, 1, 1)
    thicker = functional.max_pool2d(images, 3, 1, 1)
    softer = images.lerp(functional.avg_pool2d(images, 3, 1, 1), torch.rand(len(images), 1, 1, 1))
    images = torch.where(chance < 0.15, thicker, torch.where(chance < 0.3, softer, images))
    noise = torch.rand(len(images), 1, 1, 1).sub(0.7).clamp_min(0)
    return (images + noise * torch.randn_like(images)).clamp(-1, 1)


def learn(learnt: list[Tensor], held_out: list[Tensor], epochs: int, seed: int) -> Student:
    """Train on uint8 drawings, one tensor a category, and print the accuracy on those held out after each epoch."""
    torch.manual_seed(seed)
    student = Student()
    images, labels = torch.cat(learnt), named(learnt)
    steps = len(images) // BATCH
    optimizer = torch.optim.AdamW(student.parameters(), RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps)
    began = time.perf_counter()
    for epoch in range(epochs):
        student.train()
        for places in torch.split(torch.randperm(len(images))[: steps * BATCH], BATCH):
            optimizer.zero_grad()
            student.loss(varied(scaled(images[places])), labels[places]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        accuracy = student.eval().accuracy(scaled(torch.cat(held_out)), named(held_out))
        seconds = time.perf_counter() - began
        print(f"epoch {epoch + 1} of {epochs}: {seconds:.0f} s, held-out accuracy {accuracy:.2%}", flush=True)
    return student


def named(pixels: list[Tensor]) -> Tensor:
    """Return a label for each drawing: the place of its category."""
    return torch.cat([torch.full((len(some),), place) for place, some in enumerate(pixels)])


@torch.no_grad()
def finished(student: Student, images: Tensor) -> nn.Sequential:
    """Return the network that ships: batch norms folded, each number with mean 0 and deviation 1 over images."""
    network, student_layers = drawings.network(), list(student.network.eval())
    folded: list[nn.Module] = []
    for layer in student_layers:
        if isinstance(layer, nn.BatchNorm2d):
            before = folded.pop()
            assert isinstance(before, nn.Conv2d)
            folded.append(fuse_conv_bn_eval(before, layer))
        else:
            folded.append(layer)
    network.load_state_dict(nn.Sequential(*folded).state_dict())
    last = network[-1]
    assert isinstance(last, nn.Linear)
    seen = torch.cat([network(scaled(some)) for some in torch.split(images, 512)])
    deviation, mean = torch.std_mean(seen, dim=0)
    last.weight.div_(deviation[:, None])
    last.bias.sub_(mean).div_(deviation)
    return network


def write(network: nn.Module, path: Path) -> None:
    """Write the weights in float16, and print what the plugin must know of the file."""
    data = save({name: weight.half().contiguous() for name, weight in network.state_dict().items()})
    path.write_bytes(data)
    print(f"{path}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")
