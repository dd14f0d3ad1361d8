"""Capturing work of one GPU as a CUDA graph."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class CudaGraphCapture:
    """Captures on a stream of its own; what is done before, to warm up, is done there too.

    Autograd remembers on which stream a weight's gradient was first gathered: a capture must not wait for another.
    """

    unseen: tuple[str, ...] = ("torch", "numpy", "python")

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def perform(self, work: Callable[[], T]) -> T:
        """Do work as it will be captured, after what the current stream has to do and before what comes then."""
        outside = torch.cuda.current_stream(self._stream.device)
        self._stream.wait_stream(outside)
        try:
            with torch.cuda.stream(self._stream):
                return work()
        finally:
            # What work began before it failed still writes where it will be done again.
            outside.wait_stream(self._stream)

    def try_capture(self, work: Callable[[], T]) -> T:
        """Do work as it will be captured; raises RuntimeError where it waits for the GPU."""
        before = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch says that the mode does not see everything
            torch.cuda.set_sync_debug_mode("error")
        try:
            return self.perform(work)
        finally:
            torch.cuda.set_sync_debug_mode(before)

    def capture(self, work: Callable[[], T]) -> tuple[T, Callable[[], object]]:
        """Return where the work's results will stand, and what does it; nothing is done yet."""
        graph = torch.cuda.CUDAGraph()
        # Another thread, which writes files, may take and give back memory meanwhile.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            results = work()
        return results, graph.replay
