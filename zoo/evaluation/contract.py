"""What a generator must hold, whatever its weights: float pictures of its shape in [-1, 1], each of its latents alone.

What breaks it is refused before a training begins and before an ONNX file is kept.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from zoo.errors import InputError, IntegrityError, is_memory_error, reason_of
from zoo.generators.generator import RANGE_SLACK
from zoo.generators.latents import latents
from zoo.layers.computed_weights import copy_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from zoo.images import ImageShape

    Pictures = Mapping[int, NDArray[np.float32]]
    """By the size of their batch; each batch is the middle of the largest one."""

BATCHES = (1, 2, 7, 64)
TOLERANCE = 1e-4
"""The largest |difference| that rounding makes between two pictures of the same latents, in [-1, 1]."""
_ENLARGED = 10.0
"""The factor of weights and latents under which pictures without a bound leave [-1, 1] before any training."""


def latents_by_batch(latent_dim: int, batches: Sequence[int] = BATCHES) -> dict[int, NDArray[np.float32]]:
    """Return latents of seed 0 in batches of several sizes.

    Each is the middle of the largest: so none has the neighbours, the first or the last latent of another.
    """
    z = latents(0, max(batches), latent_dim)
    return {batch: z[_middle(batch, max(batches))] for batch in batches}


def pictures_by_batch(
    network: nn.Module, latent_dim: int, name: str, batches: Sequence[int] = BATCHES, *, trained: bool = True
) -> dict[int, NDArray[np.float32]]:
    """Return the pictures (N, C, H, W) of `latents_by_batch`.

    Args:
        network: in eval mode, in float32 on the CPU.
        latent_dim: of its latents.
        name: what messages call it.
        batches: the sizes.
        trained: whether it is of a checkpoint, so that another may be better.

    Raises:
        InputError: its forward gives no tensor (N, C, H, W) of float32.
        IntegrityError: its forward fails for a batch, its pictures are not finite, or they differ by more than
            rounding from batch to batch or from call to call.
    """
    z = {batch: torch.from_numpy(some) for batch, some in latents_by_batch(latent_dim, batches).items()}
    # Random numbers go on from call to call, so that whoever draws some is found out.
    with full_precision():
        pictures = {batch: _pictures(network, some, name) for batch, some in z.items()}
        again = _pictures(network, z[max(batches)], name)
    limit = _rounding(pictures[max(batches)])
    refuse_batch_dependence(pictures, limit, name, _batch_norms(network), trained=trained)
    difference = _largest_difference(again, pictures[max(batches)])
    if not difference <= limit:
        raise IntegrityError(
            f"{name}: the same latents give another picture at another call, by up to {_levels(difference)}: its "
            "forward draws random numbers or counts its calls. In eval mode, let a picture follow from its latents "
            "alone"
        )
    return pictures


def pictures_of(network: nn.Module, z: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Return the pictures of latents; network, name and what is raised are as in `pictures_by_batch`."""
    with full_precision():
        return _pictures(network, torch.from_numpy(z), name)


def refuse_batch_dependence(
    pictures: Pictures, limit: float, name: str, cause: str = "", *, trained: bool = True
) -> None:
    """Refuse pictures that depend on the rest of their batch.

    Args:
        pictures: by the size of their batch; the largest is what the others are compared with.
        limit: how far a pixel may be from the same one in the largest batch.
        name: what the message calls their generator.
        cause: what is known to tie pictures to their batch.
        trained: whether the generator is of a checkpoint, so that another may be better.

    Raises:
        IntegrityError: a picture is not finite, or differs by more than that.
    """
    largest = max(pictures)
    broken = [batch for batch, some in pictures.items() if not np.isfinite(some).all()]
    if largest in broken:
        mend = (
            "Export another checkpoint, or mend its forward"
            if trained
            else "Mend its forward, or the weights that it begins with"
        )
        raise IntegrityError(f"{name}: batch {largest}: its pictures are not finite. {mend}")
    advice = "Let a picture follow from its own latents alone" + (
        " (batch norm: track_running_stats=True)" if cause else ""
    )
    for batch, some in pictures.items():
        difference = _largest_difference(some, pictures[largest][_middle(batch, largest)])
        if not difference <= limit:
            found = (
                f"are not finite, in one of {largest} they are"
                if batch in broken
                else f"differ from those in one of {largest} by up to {_levels(difference)}"
            )
            raise IntegrityError(
                f"{name}: its pictures depend on their batch: in one of {batch} they {found}{cause}. {advice}"
            )


def refuse_broken_contract(
    network: nn.Module, latent_dim: int, shape: ImageShape, name: str, batches: Sequence[int] = BATCHES
) -> dict[int, NDArray[np.float32]]:
    """Return pictures as `pictures_by_batch` does, or refuse a new network that no training makes a generator of.

    Args:
        network: in eval mode, in float32 on the CPU.
        latent_dim: of its latents.
        shape: (C, H, W) of its pictures.
        name: what messages call it.
        batches: the sizes that are tried.

    Raises:
        InputError: its pictures have another shape or type, or no bound that keeps them in [-1, 1].
        IntegrityError: see `pictures_by_batch`.
    """
    pictures = pictures_by_batch(network, latent_dim, name, batches, trained=False)
    opened = _with_open_gates(network)
    if opened is not None:
        pictures_by_batch(opened, latent_dim, name, batches, trained=False)
    for batch, some in pictures.items():
        if some.shape != (batch, *shape):
            raise InputError(
                f"{name}: {batch} latents give pictures {some.shape}, its image_shape promises {(batch, *shape)}. "
                "Change one of the two"
            )
    reach = max(_reach(network, latent_dim, name), *(float(np.abs(some).max()) for some in pictures.values()))
    if reach > 1 + RANGE_SLACK:
        raise InputError(
            f"{name}: nothing keeps its pictures in [-1, 1]: with weights and latents {_ENLARGED:.0f} times as large "
            f"they reach {reach:.3g}. End its forward with torch.tanh"
        )
    return pictures


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute in full float32, whatever the process has set, and restore torch's random state afterwards."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode(), torch.autocast("cpu", enabled=False), torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_float32_matmul_precision(before)


def _middle(count: int, of: int) -> slice:
    start = (of - count) // 2
    return slice(start, start + count)


def _pictures(network: nn.Module, z: torch.Tensor, name: str) -> NDArray[np.float32]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images = network(z)
    except Exception as error:
        if is_memory_error(error):
            raise
        reason = reason_of(error)
        raise IntegrityError(
            f"{name}: its forward fails for a batch of {len(z)}{_batch_norms(network)}: {type(error).__name__}: "
            f"{reason}. Change its forward"
        ) from error
    if not (torch.is_tensor(images) and images.dtype == torch.float32):
        found = str(images.dtype) if torch.is_tensor(images) else type(images).__name__
        raise InputError(
            f"{name}: its forward gives {found}, not one tensor of torch.float32. Change its forward"
        )
    if images.ndim != 4 or len(images) != len(z):
        raise InputError(
            f"{name}: {len(z)} latents give pictures {tuple(images.shape)}, not ({len(z)}, C, H, W). Change its forward"
        )
    array: NDArray[np.float32] = images.numpy()
    return array


def _with_open_gates(network: nn.Module) -> nn.Module | None:
    """Return a copy whose gates have moved from 0, as a training moves them; None where there is none.

    A branch behind a weight that begins at 0, as the gamma of SAGAN's attention does, shows in no new picture.
    """
    gates = [
        name
        for name, weight in network.named_parameters()
        if not name.endswith("bias") and weight.numel() and not weight.any()
    ]
    if not gates:
        return None
    opened = copy_network(network)
    weights = dict(opened.named_parameters())
    with torch.no_grad():
        for name in gates:
            weights[name].fill_(0.5)
    return opened


def _reach(network: nn.Module, latent_dim: int, name: str) -> float:
    """Return the largest finite |pixel| with weights and latents enlarged, as a training might enlarge them."""
    enlarged = copy_network(network)
    with torch.no_grad():
        for weight in enlarged.parameters():
            if weight.requires_grad:
                weight.mul_(_ENLARGED)
    with full_precision():
        images = np.abs(_pictures(enlarged, _ENLARGED * torch.from_numpy(latents(0, 2, latent_dim)), name))
    return float(images.max(where=np.isfinite(images), initial=0.0))


def _rounding(pictures: NDArray[np.float32]) -> float:
    """Return how far rounding may move a pixel: of a new network pictures may be faint, and differ but faintly."""
    contrast, peak = float(np.ptp(pictures, axis=0).max()), float(np.abs(pictures).max())
    return min(TOLERANCE, TOLERANCE * contrast + TOLERANCE / 10 * peak)


def _largest_difference(some: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    return float(np.abs(some - others).max()) if some.shape == others.shape else float("nan")


def _levels(difference: float) -> str:
    levels = difference * 127.5
    return f"{levels:.0f} of 255 levels" if levels >= 1 else f"{difference:.1e} in [-1, 1]"


def _batch_norms(network: nn.Module) -> str:
    """Return which norms take their statistics from the batch even in eval mode, as the end of a clause."""
    for place, module in network.named_modules():
        if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
            return f", as {type(module).__name__} ({place}) takes its statistics from the batch"
    return ""
