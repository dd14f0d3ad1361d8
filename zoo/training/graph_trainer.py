"""A trainer that captures its iteration in a CUDA graph once, checks that, and from then on replays it.

At 28 to 64 pixels a GPU has finished a kernel before Python has launched the next. A CUDA graph launches all kernels of
an iteration in one call. It knows addresses and numbers, and no Python. So it is made of what
changes nothing but tensors in their place, and is kept only if it does what the iteration does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

from zoo.errors import ResourceError
from zoo.training.graph_check import Snapshot, TrainingTensors, mismatch, scalar_mismatch
from zoo.training.random_state import same_state
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from zoo.components import Plan
    from zoo.data.sampler import Sampler
    from zoo.training.device import Precision
    from zoo.training.step import Scalars

    Work = Callable[[], Scalars]
    Replay = Callable[[], object]

WARM_UP = 3
"""Iterations before a capture: optimizers make their slots, and cuDNN tries its algorithms, in the first."""


class GraphCapture(Protocol):
    """What can capture work of a device.

    Attributes:
        unseen: the sources of random numbers, by `random_state`'s names, that a replay does not draw from.
    """

    unseen: tuple[str, ...]

    def perform(self, work: Work) -> Scalars:
        """Do work as it will be captured."""

    def try_capture(self, work: Work) -> Scalars:
        """Do work as it will be captured; raises RuntimeError where it cannot be: it waits for the device."""

    def capture(self, work: Work) -> tuple[Scalars, Replay]:
        """Return where the work's results will stand, and what does it; nothing is done yet."""


@dataclass(frozen=True)
class CapturedGraph:
    """An iteration that can be replayed."""

    names: tuple[str, ...]
    values: Tensor
    """Where each replay writes its figures."""
    replay: Replay

    def play(self) -> Scalars:
        """Make an iteration."""
        self.replay()
        return list(zip(self.names, self.values.clone().unbind(), strict=True))


class GraphTrainer(Trainer):
    """A trainer whose iterations are replayed.

    Losses with an interval make several kinds of iteration; each is captured when it first comes after its warm-up.
    What is loaded, or slower learning rates, need a new capture.

    Args:
        capture: of the device.
        warn: is given one line where an iteration cannot be recorded; the training goes on kernel by kernel.
    """

    def __init__(
        self,
        plan: Plan,
        sampler: Sampler,
        device: torch.device,
        precision: Precision,
        capture: GraphCapture,
        warn: Callable[[str], None],
    ) -> None:
        super().__init__(plan, sampler, device, precision)
        self._capture: GraphCapture | None = capture
        self._warn = warn
        self._met: Counter[tuple[bool, ...]] = Counter()
        self._graphs: dict[tuple[bool, ...], CapturedGraph] = {}
        if self.component_states:
            self._give_up(f"{', '.join(self.component_states)} learns or counts while it trains")

    @property
    def uses_graph(self) -> bool:
        """Whether iterations are replayed, or will be after their warm-up."""
        return self._capture is not None

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was taken."""
        super().load_state_dict(state)
        self._graphs.clear()
        # Loaded optimizers may have no slots yet, or have them elsewhere.
        self._met.clear()

    def slow_down(self, factor: float) -> None:
        """Multiply both learning rates by `factor`."""
        super().slow_down(factor)
        self._graphs.clear()

    def _iterate(self) -> Scalars:
        kind = tuple(self.step % loss.interval == 0 for _, loss in self._losses)
        if self._capture is None or not any(kind):
            return super()._iterate()
        if kind in self._graphs:
            return self._graphs[kind].play()
        self._met[kind] += 1
        if self._met[kind] <= WARM_UP:
            return self._capture.perform(super()._iterate)
        return self._prove(self._capture, kind)

    def _prove(self, capture: GraphCapture, kind: tuple[bool, ...]) -> Scalars:
        """Make an iteration, go back, make it by a captured graph, and keep that if both come to the same."""
        before = self._now()
        try:
            scalars = capture.try_capture(super()._iterate)
        except RuntimeError as error:
            before.restore()
            self._give_up(f"it cannot be recorded ({_first_line(error)})")
            return super()._iterate()
        after = self._now()
        reason = self._unrepeatable(capture, before, after)
        if reason is None and not (after.finite() and _finite(scalars)):
            return scalars  # The run will say that it has diverged.
        if reason is None:
            before.restore()
            graph = self._captured(capture)
            replayed = graph.play()
            reason = mismatch(before, after, self._now()) or scalar_mismatch(scalars, replayed)
            if reason is None:
                self._graphs[kind] = graph
                return replayed
            after.restore()
        self._give_up(reason)
        return scalars

    def _unrepeatable(self, capture: GraphCapture, before: Snapshot, after: Snapshot) -> str | None:
        if not all(same_state(before.random[name], after.random[name]) for name in capture.unseen):
            return "a component draws random numbers that are not the GPU's"
        replaced = before.replaced(after)
        return replaced and f"another tensor takes the place of one of the {replaced}"

    def _captured(self, capture: GraphCapture) -> CapturedGraph:
        def work() -> Scalars:
            scalars = super(GraphTrainer, self)._iterate()
            return [("", torch.stack([value for _, value in scalars])), *scalars]

        try:
            ((_, values), *scalars), replay = capture.capture(work)
        except RuntimeError as error:
            # The current stream and the memory of this process are left as in the middle of a capture.
            raise ResourceError(
                f"step {self.step + 1}: the iteration cannot be recorded as a CUDA graph ({_first_line(error)}). "
                "Go on with `zoo resume --eager`"
            ) from error
        return CapturedGraph(tuple(name for name, _ in scalars), values, replay)

    def _give_up(self, reason: str) -> None:
        self._capture = None
        self._graphs.clear()
        self._warn(f"an iteration is made kernel by kernel, and not as a CUDA graph: {reason}")

    def _now(self) -> Snapshot:
        networks = {"generator": self.generator, "critic": self.critic, "averaged generator": self.ema.module}
        optimizers = {"critic": self.critic_optimizer, "generator": self.generator_optimizer}
        return Snapshot(TrainingTensors(networks, optimizers, self.device))


def _finite(scalars: Scalars) -> bool:
    return bool(torch.stack([value for _, value in scalars]).isfinite().all())


def _first_line(error: BaseException) -> str:
    # Where a capture fails, CUDA says so once more when it is ended.
    return str(error.__context__ or error).strip().partition("\n")[0][:200]
