"""A training that takes more memory than is free is refused before anything of it is made."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch

from zoo.errors import NoMemoryError, is_memory_error
from zoo.system import disk_space
from zoo.training.memory.need import need_of
from zoo.training.memory.trial import TooMuchError

if TYPE_CHECKING:
    from zoo.components import Plan
    from zoo.training.device import Precision
    from zoo.training.memory.need import Need

SMALLER = "Make its layers or its images smaller"


def refuse_without_memory(plan: Plan, device: torch.device, precision: Precision, ranks: int = 1) -> None:
    """Refuse a training that would take more memory than there is, before anything of it is made.

    Args:
        plan: what is trained.
        device: where.
        precision: of its convolutions.
        ranks: processes that share the batch; those on this machine share its memory, too.

    Raises:
        NoMemoryError: it takes more than is free.
    """
    batch, parts = plan.batch_per_rank(ranks), plan.training.accumulate
    free, here = free_memory(device), free_memory(torch.device("cpu"))
    if free is None or here is None:
        return
    if device.type == "cpu" and ranks > 1:
        free //= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    about = f"{plan.where} [training]: batch_size {plan.training.batch_size} takes"
    try:
        need = need_of(plan, free, None if device.type == "cpu" else here, precision)
    except TooMuchError as error:
        if error.bytes <= free:
            return  # it may well fit into the GPU: finding out takes more than this machine has free
        raise NoMemoryError(
            f"{about} over {_gigabytes(error.bytes)} of memory, and {_gigabytes(free)} are free. {SMALLER}"
        ) from None
    except Exception as error:
        if is_memory_error(error) and device.type == "cpu":
            raise
        return  # a part of a plugin is broken, which is said in better words when it is tried
    taken = need.bytes(batch, parts)
    if taken > free:
        raise NoMemoryError(
            f"{about} about {_gigabytes(taken)} of memory, and {_gigabytes(free)} are free. "
            f"{_advice(need, batch, parts, ranks, free)}"
        )


def free_memory(device: torch.device) -> int | None:
    """Return how many bytes a device has free; None where that is not known."""
    if device.type == "cuda":
        # What torch has reserved and does not use is its next tensors' own.
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    return disk_space.free_memory()


def _advice(need: Need, batch: int, parts: int, ranks: int, free: int) -> str:
    more = next(
        (n for n in range(parts + 1, batch + 1) if batch % n == 0 and need.bytes(batch, n) <= free), None
    )
    fewer = 1 << max(0, batch.bit_length() - 1)
    while fewer > 1 and need.bytes(fewer * parts, parts) > free:
        fewer //= 2
    size = fewer * parts * ranks
    if need.bytes(fewer * parts, parts) > free:
        return SMALLER
    smaller = f"--set training.batch_size={size}"
    return (
        f"Use {smaller}"
        if more is None
        else f"Use {smaller}, or --set training.accumulate={more} for the same batch"
    )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
