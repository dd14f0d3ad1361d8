"""Seeing more of a training than its figure: scores, slopes, weights, and how near its pictures are to others."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from zoo.evaluation.measure import real_images
from zoo.generators.generator import to_uint8
from zoo.history import BINS, Distribution, Neighbour, Probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from zoo.data.split import Split
    from zoo.evaluation.torch_generator import TorchGenerator
    from zoo.images import Images

PROBE_SEED = 2**42
SCORED = 128
"""Images of each kind that the critic scores, and between which distances are taken."""
SHOWN = 16
"""Generated pictures whose nearest training images are looked for."""
SEARCHED = 8192
"""Training images that are searched, evenly spaced where there are more."""
AT_ONCE = 1024


class Prober:
    """Looks at a critic and a generator without changing the training: draws from a generator of its own.

    Args:
        images: all of them.
        split: which are trained on.
    """

    def __init__(self, images: Images, split: Split) -> None:
        self._images = images
        self._split = split
        step = -(-len(split.training) // SEARCHED)
        self._searched = split.training[::step]
        self._typical: float | None = None

    def probe(
        self, step: int, critic: nn.Module, generator: TorchGenerator
    ) -> tuple[Probe, NDArray[np.uint8]]:
        """Return what there is to see after a step; the critic is left in the mode in which it was.

        The second part is pictures (N, H, W) or (N, H, W, 3): some generated ones, then the training image nearest to
        each, then as many training images as they come.
        """
        random = torch.Generator().manual_seed(PROBE_SEED)
        count = min(SCORED, len(self._split.training))
        made = generator.images(count, PROBE_SEED).detach()
        real = self._real(self._drawn(self._split.training, count, random), made.device)
        with _looking(critic):
            held_out = self._held_out_scores(critic, count, random, made.device)
            training, generated = _scores(critic, real), _scores(critic, made)
            slopes = _slopes(critic, real, made, random)
        nearest, distances = self._neighbours(made[:SHOWN])
        shown = torch.cat([made[:SHOWN].cpu(), self._real(nearest, torch.device("cpu")), real[:SHOWN].cpu()])
        seen = Probe(
            step=step,
            training_scores=distribution(training),
            held_out_scores=None if held_out is None else distribution(held_out),
            generated_scores=distribution(generated),
            slopes=distribution(slopes),
            weights=distribution(_weights(critic)),
            generated_spread=_spread(made),
            training_spread=_spread(real),
            neighbours=tuple(
                Neighbour(index=index, distance=distance)
                for index, distance in zip(nearest.tolist(), distances.tolist(), strict=True)
            ),
            training_neighbour=self._typical_neighbour(real),
        )
        return seen, to_uint8(shown.numpy())

    def _held_out_scores(
        self, critic: nn.Module, count: int, random: torch.Generator, device: torch.device
    ) -> Tensor | None:
        if not self._split.held_out:
            return None
        return _scores(critic, self._real(self._drawn(self._split.reference, count, random), device))

    def _real(self, places: Tensor, device: torch.device) -> Tensor:
        return real_images(self._images, places, device)

    @staticmethod
    def _drawn(places: Tensor, count: int, random: torch.Generator) -> Tensor:
        return places[torch.randperm(len(places), generator=random)[:count]]

    def _typical_neighbour(self, real: Tensor) -> float:
        if self._typical is None:
            _, distances = self._neighbours(real[:SHOWN], skip=True)
            self._typical = float(distances.median())
        return self._typical

    def _neighbours(self, pictures: Tensor, *, skip: bool = False) -> tuple[Tensor, Tensor]:
        """Return place and distance of the nearest training image of each picture; `skip` leaves out its equal."""
        flat = pictures.flatten(1)
        best = torch.full((len(flat),), float("inf"), device=flat.device)
        place = torch.zeros(len(flat), dtype=torch.int64)
        for some in torch.split(self._searched, AT_ONCE):
            away = _distances(flat, self._real(some, flat.device).flatten(1))
            if skip:
                away = away.masked_fill(away < 1, float("inf"))
            near, index = away.min(dim=1)
            nearer = (near < best).cpu()
            place = torch.where(nearer, some[index.cpu()], place)
            best = torch.minimum(best, near)
        return place, best.nan_to_num(posinf=0).cpu()


def distribution(values: Tensor) -> Distribution:
    """Return what is kept of many numbers; those that are not finite are left out."""
    values = values.detach().flatten().float()
    values = values[values.isfinite()].cpu()
    if not len(values):
        return Distribution(mean=0, std=0, low=0, high=0, counts=(0,) * BINS)
    low, high = values.min().item(), values.max().item()
    counts = torch.histc(values, BINS, low, high) if low < high else torch.zeros(BINS)
    if low >= high:
        counts[0] = len(values)
    std, mean = torch.std_mean(values, correction=0)
    whole = tuple(int(count) for count in counts.tolist())
    return Distribution(mean=mean.item(), std=std.item(), low=low, high=high, counts=whole)


@contextmanager
def _looking(critic: nn.Module) -> Iterator[None]:
    """Put a critic into eval mode for a while, each of its layers back into the mode that it had."""
    modes = {module: module.training for module in critic.modules()}
    critic.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


@torch.no_grad()
def _scores(critic: nn.Module, images: Tensor) -> Tensor:
    scores: Tensor = critic(images)
    return scores


def _slopes(critic: nn.Module, real: Tensor, made: Tensor, random: torch.Generator) -> Tensor:
    """Return the norm of the critic's gradient at a random point between each real image and a generated one."""
    share = torch.rand(len(real), 1, 1, 1, generator=random).to(real.device)
    with torch.enable_grad():
        points = torch.lerp(real, made, share).requires_grad_()
        (slope,) = torch.autograd.grad(
            critic(points).sum(), points, allow_unused=True, materialize_grads=True
        )
    norms: Tensor = torch.linalg.vector_norm(slope.flatten(1), dim=1)
    return norms


def _weights(critic: nn.Module) -> Tensor:
    """Return all weights of layers, without biases and scales."""
    found = [weight.detach().flatten() for weight in critic.parameters() if weight.dim() > 1]
    return torch.cat(found) if found else torch.zeros(0)


def _distances(one: Tensor, other: Tensor) -> Tensor:
    """Return the root of the mean squared difference of flat images in [-1, 1], in levels of 255."""
    away: Tensor = torch.cdist(one, other)
    return away * float(127.5 / one.shape[1] ** 0.5)


def _spread(images: Tensor) -> float:
    """Return the mean distance of two of the images."""
    count = len(images)
    if count < 2:
        return 0.0
    return float(_distances(images.flatten(1), images.flatten(1)).sum()) / (count * (count - 1))
