"""Every source of random numbers that a training, or a plugin in it, may draw from: seeded, kept and put back."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed torch on every device, numpy's global generator and Python's own."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def rank_seed(seed: int, rank: int, step: int = 0) -> int:
    """Return the seed of one rank's own random numbers, in a training that has this rank from `step` on.

    Of a seed, torch's generator on the CPU takes 32 bits only: neighbours, the ranks differ in these too.
    """
    mixed = np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0]
    return (int(mixed) >> 2) + rank


def random_state(device: torch.device) -> dict[str, Any]:
    """Return the state of them all as tensors and plain values."""
    legacy: Any = np.random.get_state()
    _, words, position, has_gauss, gauss = legacy
    version, numbers, next_gauss = random.getstate()
    state: dict[str, Any] = {
        "torch": torch.get_rng_state(),
        "numpy": [torch.from_numpy(words.astype(np.int64)), int(position), int(has_gauss), float(gauss)],
        "python": [version, torch.tensor(numbers, dtype=torch.int64), next_gauss],
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def same_state(one: Any, other: Any) -> bool:
    """Whether two states, or the same part of both, are equal."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same_state(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return all(same_state(*pair) for pair in zip(one, other, strict=True))
    return torch.equal(one, other) if torch.is_tensor(one) else bool(one == other)


def restore_random_state(state: dict[str, Any], device: torch.device) -> None:
    """Put back what `random_state` gave; a device that was not there then keeps its seed."""
    torch.set_rng_state(state["torch"])
    words, position, has_gauss, gauss = state["numpy"]
    np.random.set_state(("MT19937", words.numpy().astype(np.uint32), position, has_gauss, gauss))
    version, numbers, next_gauss = state["python"]
    random.setstate((version, tuple(numbers.tolist()), next_gauss))
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    if device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])
