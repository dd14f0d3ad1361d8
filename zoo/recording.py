"""A trainer that records its iteration once, proves the recording, and from then on replays it.

At 28 to 64 pixels a GPU has finished a kernel before Python has launched the next. A CUDA graph launches an iteration's
thousand kernels in one call. It is a recording: it knows addresses and numbers, and no Python. So it is made of what
changes nothing but tensors in their place, and is kept only if it does what the iteration does.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

from zoo.errors import InputError
from zoo.randomness import random_state, restore_random_state, same_state
from zoo.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from zoo.descent import Trail
    from zoo.device import Precision
    from zoo.plan import Plan

    Work = Callable[[], Trail]
    Replay = Callable[[], object]

WARM_UP = 3
"""Iterations before a recording: optimizers make their moments, and cuDNN tries its algorithms, in the first."""
TOLERANCE = 0.1
"""How far a replay may end from where the iteration ends, as a part of its way: atomic sums vary from run to run."""
HOST = ("python", "numpy", "torch")


class Recorder(Protocol):
    """What can record work of a device."""

    def perform(self, work: Work) -> Trail:
        """Do work as it will be recorded."""

    def rehearse(self, work: Work) -> Trail:
        """Do work as it will be recorded; raises RuntimeError where it cannot be: it waits for the device."""

    def record(self, work: Work) -> tuple[Trail, Replay]:
        """Return where the work's results will stand, and what does it; nothing is done yet."""


@dataclass(frozen=True)
class Recording:
    """An iteration that can be replayed."""

    names: tuple[str, ...]
    values: Tensor
    """Where each replay writes its figures."""
    replay: Replay

    def play(self) -> Trail:
        """Make an iteration."""
        self.replay()
        return list(zip(self.names, self.values.clone().unbind(), strict=True))


class RecordedTrainer(Trainer):
    """A trainer whose iterations are replayed.

    Losses with an interval make several kinds of iteration; each is recorded when it first comes after its warm-up.
    What is loaded, or slower learning rates, make for a new recording.

    Args:
        recorder: of the device.
        tell: is given one line where an iteration cannot be recorded; the training goes on kernel by kernel.
    """

    def __init__(
        self,
        plan: Plan,
        pixels: Tensor,
        index: Tensor,
        device: torch.device,
        precision: Precision,
        recorder: Recorder,
        tell: Callable[[str], None],
    ) -> None:
        super().__init__(plan, pixels, index, device, precision)
        self._recorder: Recorder | None = recorder
        self._tell = tell
        self._warmed: Counter[tuple[bool, ...]] = Counter()
        self._recordings: dict[tuple[bool, ...], Recording] = {}

    @property
    def recorded(self) -> bool:
        """Whether iterations are replayed, or will be after their warm-up."""
        return self._recorder is not None

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was taken."""
        super().load_state_dict(state)
        self._recordings.clear()

    def slow_down(self, factor: float) -> None:
        """Multiply both learning rates by `factor`."""
        super().slow_down(factor)
        self._recordings.clear()

    def _iterate(self) -> Trail:
        if self._recorder is None:
            return super()._iterate()
        kind = tuple(self.step % loss.interval == 0 for _, loss in self._losses)
        if kind not in self._recordings:
            if self._warmed[kind] < WARM_UP:
                self._warmed[kind] += 1
                return self._recorder.perform(super()._iterate)
            return self._prove(self._recorder, kind)
        return self._recordings[kind].play()

    def _prove(self, recorder: Recorder, kind: tuple[bool, ...]) -> Trail:
        """Make an iteration, go back, make it by a recording, and keep that if both come to the same."""
        before = _Moment(self)
        try:
            trail = recorder.rehearse(super()._iterate)
        except RuntimeError as error:
            before.restore()
            self._give_up(f"it cannot be recorded ({_first_line(error)})")
            return super()._iterate()
        after = _Moment(self)
        if not all(same_state(before.random[name], after.random[name]) for name in self._host_sources()):
            self._give_up("a component draws random numbers that are not the GPU's")
            return trail
        before.restore()
        recording = self._record(recorder)
        replayed = recording.play()
        apart = _apart(before, after, _Moment(self))
        if apart <= TOLERANCE:
            self._recordings[kind] = recording
            return replayed
        after.restore()
        if math.isfinite(apart):
            self._give_up(f"a replay ends {100 * apart:.0f} % of the way from where it should")
        return trail

    def _record(self, recorder: Recorder) -> Recording:
        def work() -> Trail:
            trail = super(RecordedTrainer, self)._iterate()
            return [("", torch.stack([value for _, value in trail])), *trail]

        try:
            ((_, values), *trail), replay = recorder.record(work)
        except RuntimeError as error:
            # CUDA's random numbers are left in the middle of a recording: this process cannot go on.
            raise InputError(
                f"step {self.step + 1}: the iteration cannot be recorded as a CUDA graph ({_first_line(error)}). "
                "Go on with `zoo resume --eager`"
            ) from error
        return Recording(tuple(name for name, _ in trail), values, replay)

    def _give_up(self, reason: str) -> None:
        self._recorder = None
        self._recordings.clear()
        self._tell(f"an iteration is made kernel by kernel, and not as a CUDA graph: {reason}")

    def _host_sources(self) -> tuple[str, ...]:
        return tuple(name for name in HOST if name != "torch" or self.device.type != "cpu")

    def networks(self) -> dict[str, nn.Module]:
        """Return what an iteration moves."""
        return {"generator": self.generator, "critic": self.critic, "average": self.ema.module}

    def changing(self) -> list[Tensor]:
        """Return every tensor that an iteration changes in its place."""
        networks = [
            tensor.detach()
            for network in self.networks().values()
            for tensor in (*network.parameters(), *network.buffers())
        ]
        slots = [
            slot
            for optimizer in (self.critic_optimizer, self.generator_optimizer)
            for state in optimizer.state.values()
            for slot in state.values()
            if torch.is_tensor(slot)
        ]
        return networks + slots


class _Moment:
    """What an iteration changes, as it is now."""

    def __init__(self, trainer: RecordedTrainer) -> None:
        self._device = trainer.device
        self._places = trainer.changing()
        self._values = [place.clone() for place in self._places]
        self.weights = {side: _copies(network) for side, network in trainer.networks().items()}
        self.random = random_state(self._device)

    def restore(self) -> None:
        torch._foreach_copy_(self._places, self._values)
        restore_random_state(self.random, self._device)


def _copies(network: nn.Module) -> list[Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def _apart(start: _Moment, end: _Moment, found: _Moment) -> float:
    """Return how far one end is from the other, as a part of the way from the start; 1 where it drew other numbers."""
    if not same_state(end.random, found.random):
        return 1.0
    parts = []
    for side, weights in end.weights.items():
        way, off = (_distance(weights, other.weights[side]) for other in (start, found))
        parts.append(off / way if way else float(off > 0))
    return float(torch.tensor(parts).max())


def _distance(one: list[Tensor], other: list[Tensor]) -> float:
    return float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(torch._foreach_sub(one, other)))))


def _first_line(error: BaseException) -> str:
    # Where recording fails, CUDA says so once more when it is ended.
    return str(error.__context__ or error).strip().partition("\n")[0][:200]
