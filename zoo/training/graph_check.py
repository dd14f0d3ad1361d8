"""Whether two ways of making the same iteration come to the same."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from zoo.training.random_state import random_state, restore_random_state, same_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn
    from torch.optim import Optimizer

    from zoo.training.step import Scalars

TOLERANCE = 0.1
"""How far one end may be from the other, as a part of the way there: GPUs add up gradients in no fixed order."""
COUNTED = "step"
"""What optimizers call their count of steps, a float in torch's."""


@dataclass(frozen=True)
class TrainingTensors:
    """What an iteration changes.

    Attributes:
        networks: by their names for people.
        optimizers: likewise.
        device: whose random numbers belong to it.
    """

    networks: Mapping[str, nn.Module]
    optimizers: Mapping[str, Optimizer]
    device: torch.device

    def groups(self) -> dict[str, list[Tensor]]:
        """Return the tensors, in groups that move alike: a long way of one must not hide the short way of another."""
        found: dict[str, list[Tensor]] = {}
        for name, network in self.networks.items():
            found[f"{name}'s weights"] = [weight.detach() for weight in network.parameters()]
            for buffer in network.buffers():
                kind = "statistics" if buffer.is_floating_point() else "counts"
                found.setdefault(f"{name}'s {kind}", []).append(buffer)
        for name, optimizer in self.optimizers.items():
            for slots in optimizer.state.values():
                for slot, value in slots.items():
                    if torch.is_tensor(value):
                        found.setdefault(f"{slot} of the {name}'s optimizer", []).append(value)
        return found


class Snapshot:
    """What an iteration changes, as it is now."""

    def __init__(self, changing: TrainingTensors) -> None:
        self._device = changing.device
        self.tensors = changing.groups()
        self.values = {name: [tensor.clone() for tensor in group] for name, group in self.tensors.items()}
        self._buffers = [
            (module, name, buffer)
            for network in changing.networks.values()
            for module in network.modules()
            for name, buffer in module._buffers.items()
        ]
        self.random = random_state(self._device)

    def restore(self) -> None:
        """Put everything back, other tensors that a network has put in a buffer's place too."""
        for name, group in self.tensors.items():
            torch._foreach_copy_(list(group), self.values[name])
        for module, name, buffer in self._buffers:
            module._buffers[name] = buffer
        restore_random_state(self.random, self._device)

    def replaced(self, later: Snapshot) -> str | None:
        """Return the group of which a tensor gave its place to another one since, or None."""
        for name, group in self.tensors.items():
            there = later.tensors.get(name, [])
            if [tensor.data_ptr() for tensor in group] != [tensor.data_ptr() for tensor in there]:
                return name
        return None

    def finite(self) -> bool:
        """Whether everything is a number."""
        return all(bool(value.isfinite().all()) for group in self.values.values() for value in group)


def mismatch(start: Snapshot, end: Snapshot, found: Snapshot) -> str | None:
    """Return what is wrong with `found`, or None where it is `end` as one comes there from `start`."""
    if not same_state(end.random, found.random):
        return "a replay draws other random numbers"
    for name, group in end.values.items():
        exact = name.startswith(COUNTED) or not group[0].is_floating_point()
        way = 0.0 if exact else _distance(group, start.values[name])
        reason = _deviation(name, _distance(group, found.values[name]), way)
        if reason is not None:
            return reason
    return None


def scalar_mismatch(expected: Scalars, found: Scalars) -> str | None:
    """Return what is wrong with a replay's figures, or None."""
    if [name for name, _ in expected] != [name for name, _ in found]:
        return "a replay has other figures"
    wanted, made = ([value for _, value in scalars] for scalars in (expected, found))
    nought = [torch.zeros_like(value) for value in wanted]
    return _deviation("figures", _distance(wanted, made), _distance(wanted, nought))


def _deviation(name: str, off: float, way: float) -> str | None:
    if not math.isfinite(off):
        return f"a replay makes the {name} no numbers"
    if off > TOLERANCE * way:
        return f"a replay ends with the {name} {off:.2g} from where it should, after a way of {way:.2g}"
    return None


def _distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    parts = [torch.linalg.vector_norm(a.double() - b.double()) for a, b in zip(one, other, strict=True)]
    return float(torch.linalg.vector_norm(torch.stack(parts)))
