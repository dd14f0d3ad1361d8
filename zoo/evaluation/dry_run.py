"""The way of a generator from training to its folder, gone with new networks: what would fail after hours fails now."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from zoo.errors import InputError, ResourceError, ZooError, is_memory_error, reason_of
from zoo.evaluation.calibration import calibrated
from zoo.evaluation.contract import latents_by_batch, pictures_of, refuse_broken_contract
from zoo.evaluation.weights import load_weights, weights_bytes
from zoo.generators.files import LIMITS, WEIGHTS
from zoo.layers.computed_weights import copy_network

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from zoo.components import Architecture, Plan

BATCHES = (1, 2, 7, 16)
"""Sizes that are tried: an export tries larger ones, which here would take longer than they tell."""
CALIBRATION_BATCH = 8


def dry_run(plan: Plan) -> nn.Module:
    """Take new networks through all that trained ones go through, in memory, and return the generator.

    It is averaged, calibrated, asked for pictures, written and read again; it and the critic are put into a checkpoint.
    Draws from torch's random numbers, as making networks does.

    Returns:
        The generator as its folder holds it: float32, on the CPU, in eval mode.

    Raises:
        InputError: a network cannot be copied, saved or loaded, or holds what a file cannot.
        IntegrityError: pictures depend on their batch or on chance.
        ResourceError: the weights take more than is ever read of them.
    """
    architecture = plan.architecture
    critic, generator, another = architecture.critic(), architecture.generator(), architecture.generator()
    for regularizer in plan.regularizers:
        regularizer.prepare(critic)
    for side, network in (("critic", critic), ("generator", generator)):
        _refuse_what_no_file_holds(f"{architecture.name}: its {side}", network)
    _refuse_shared(architecture, generator, another)
    with _explaining(architecture, "critic", "loaded from a checkpoint"):
        critic.load_state_dict(critic.state_dict())
    network = _averaged(architecture, generator, plan.training.batch_size)
    shape, dim, name = architecture.image_shape, architecture.latent_dim, architecture.name
    pictures = refuse_broken_contract(network, dim, shape, name, BATCHES)
    with _explaining(architecture, "generator", f"written to {WEIGHTS} and loaded again"):
        load_weights(another, weights_bytes(network))
    few = BATCHES[1]
    again = pictures_of(another.float().eval(), latents_by_batch(dim, BATCHES)[few], name)
    _refuse_unsaved(name, pictures[few], again)
    return network


def _averaged(architecture: Architecture, generator: nn.Module, batch: int) -> nn.Module:
    """Return the generator as averaging, a checkpoint and calibration leave it."""
    with _explaining(architecture, "generator", "copied, as its average is"):
        averaged = copy_network(generator).requires_grad_(False)
    with _explaining(architecture, "generator", "averaged"), torch.no_grad():
        mine: list[Tensor] = list(averaged.parameters())
        theirs: list[Tensor] = list(generator.parameters())
        torch._foreach_lerp_(mine, theirs, [torch.ones(())] * len(mine))
    with _explaining(architecture, "generator", "loaded from a checkpoint"):
        averaged.load_state_dict(generator.state_dict())
    with _explaining(architecture, "generator", "asked for pictures"):
        network = calibrated(averaged, architecture.latent_dim, min(batch, CALIBRATION_BATCH), batches=1)
    return network.float().requires_grad_()


def _refuse_what_no_file_holds(whose: str, network: nn.Module) -> None:
    for name, tensor in chain(network.named_parameters(), network.named_buffers()):
        if is_lazy(tensor):
            raise InputError(f"{whose}: {name} has no size before its first call. Give its layer its sizes")
        if tensor.is_complex() and tensor.requires_grad:
            raise InputError(f"{whose}: {name} is complex, and optimizers take real weights. Make two of it")
    size = 0
    for name, value in network.state_dict().items():
        if not name.isprintable():
            raise InputError(
                f"{whose}: {name!a} holds a character that no file's names hold. Call it otherwise"
            )
        if not torch.is_tensor(value):
            raise InputError(
                f"{whose}: its state_dict holds {name}, a {type(value).__name__}, and files hold tensors only. "
                "Keep it in a buffer"
            )
        size += value.numel() * value.element_size()
    if size > LIMITS[WEIGHTS]:
        raise ResourceError(
            f"{whose}: its weights take {size} bytes, and more than {LIMITS[WEIGHTS]} are never read. Make it smaller"
        )


def _refuse_shared(architecture: Architecture, first: nn.Module, second: nn.Module) -> None:
    shared = {id(weight) for weight in first.parameters()} & {id(weight) for weight in second.parameters()}
    if first is second or shared:
        raise InputError(
            f"{architecture.name}: two calls of its generator() share weights, so that loading one would change the "
            "other. Make new ones at each call"
        )


def _refuse_unsaved(name: str, before: NDArray[np.float32], after: NDArray[np.float32]) -> None:
    """Refuse a generator that computes with numbers which its file does not hold."""
    if not np.allclose(before, after, rtol=0, atol=1e-5 * float(np.abs(before).max())):
        raise InputError(
            f"{name}: its generator gives other pictures once its weights are written and loaded: it computes with "
            "numbers that are not in its state_dict, as a tensor that is a plain attribute or a buffer with "
            "persistent=False. Make them buffers"
        )


@contextmanager
def _explaining(architecture: Architecture, side: str, done: str) -> Iterator[None]:
    """Say in one line what cannot be done with a network, and why."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ZooError) or is_memory_error(error):
            raise
        reason = reason_of(error)
        raise InputError(
            f"{architecture.name}: its {side} cannot be {done}: {type(error).__name__}: {reason}. Change it"
        ) from error
