"""A recorder for the CPU that is as blind as a CUDA graph: operations on tensors, where they stood, and no Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zoo.training.random_state import random_state, restore_random_state

if TYPE_CHECKING:
    from zoo.training.graph_trainer import Replay, Work
    from zoo.training.step import Scalars

CPU = torch.device("cpu")
WAITS = (
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::equal",
    "aten::is_nonzero",
    "aten::masked_select",
)
"""What a GPU would have to be waited for."""


@dataclass(frozen=True)
class Played:
    """An operation, what it was given, and the tensors it made, which each replay fills anew."""

    func: Any
    args: Any
    kwargs: Any
    made: tuple[torch.Tensor, ...]


class Tape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Runs and remembers each operation; what one changes in its place is kept as it was."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.played: list[Played] = []
        self.changed: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.name() in WAITS:
            raise RuntimeError(f"{func.name()} is not permitted when stream is capturing")
        given = kwargs or {}
        for tensor in _written(func, args, given):
            self.changed.setdefault(id(tensor), (tensor, tensor.clone()))
        result = func(*args, **given)
        fresh = not any(returned.alias_info for returned in func._schema.returns)
        made = tuple(leaf for leaf in tree_leaves(result) if torch.is_tensor(leaf)) if fresh else ()
        self.played.append(Played(func, args, given, made))
        return result

    @property
    def names(self) -> list[str]:
        """What the operations are called."""
        return [one.func.name() for one in self.played]

    def undo(self) -> None:
        """Put back what the operations changed."""
        for tensor, before in self.changed.values():
            tensor.copy_(before)

    @torch.no_grad()
    def replay(self) -> None:
        """Run the operations on the same tensors again."""
        for one in self.played:
            result = one.func(*one.args, **one.kwargs)
            again = [leaf for leaf in tree_leaves(result) if torch.is_tensor(leaf)] if one.made else []
            for place, value in zip(one.made, again, strict=True):
                place.copy_(value)


def _written(func: Any, args: Any, kwargs: Any) -> list[torch.Tensor]:
    """Return the tensors that an operation changes in their place."""
    # Its schema does not own up to the running statistics.
    found: list[torch.Tensor] = list(args[3:5]) if func.name() == "aten::native_batch_norm" else []
    for index, argument in enumerate(func._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            value = args[index] if index < len(args) else kwargs.get(argument.name)
            found += [leaf for leaf in tree_leaves(value) if torch.is_tensor(leaf)]
    return found


class TapeRecorder:
    """Records on a tape."""

    unseen: tuple[str, ...] = ("numpy", "python")

    def __init__(self) -> None:
        self.tapes: list[Tape] = []
        self.performed = 0

    def perform(self, work: Work) -> Scalars:
        """Do the work."""
        self.performed += 1
        return work()

    def try_capture(self, work: Work) -> Scalars:
        """Do the work; as on a GPU, waiting is an error here already."""
        with Tape():
            return work()

    def capture(self, work: Work) -> tuple[Scalars, Replay]:
        """Do the work and undo it."""
        random = random_state(CPU)
        with Tape() as tape:
            scalars = work()
        with torch.no_grad():
            tape.undo()
        restore_random_state(random, CPU)
        self.tapes.append(tape)
        return scalars, tape.replay
