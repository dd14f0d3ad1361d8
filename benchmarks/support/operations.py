"""Counting the floating-point operations of matrix products and convolutions, on the way there and back."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what runs inside `with`; unlike torch's own counter it bears gradients of gradients."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count it."""
        given = kwargs or {}
        result = func(*args, **given)
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.total += count(*args, **given, out_val=result)
        return result
