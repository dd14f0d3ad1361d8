"""A trainer that records its iteration once, proves the recording, and from then on replays it.

At 28 to 64 pixels a GPU has finished a kernel before Python has launched the next. A CUDA graph launches all kernels of
an iteration in one call. It is a recording: it knows addresses and numbers, and no Python. So it is made of what
changes nothing but tensors in their place, and is kept only if it does what the iteration does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

from zoo.errors import ResourceError
from zoo.training.graph_check import Changing, Moment, doubt, other_figures
from zoo.training.random_state import same_state
from zoo.training.trainer import Trainer

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from zoo.components import Plan
    from zoo.data.sampler import Sampler
    from zoo.training.device import Precision
    from zoo.training.step import Trail

    Work = Callable[[], Trail]
    Replay = Callable[[], object]

WARM_UP = 3
"""Iterations before a recording: optimizers make their moments, and cuDNN tries its algorithms, in the first."""


class Recorder(Protocol):
    """What can record work of a device.

    Attributes:
        unseen: the sources of random numbers, by `random_state`'s names, that a replay does not draw from.
    """

    unseen: tuple[str, ...]

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
        sampler: Sampler,
        device: torch.device,
        precision: Precision,
        recorder: Recorder,
        tell: Callable[[str], None],
    ) -> None:
        super().__init__(plan, sampler, device, precision)
        self._recorder: Recorder | None = recorder
        self._tell = tell
        self._met: Counter[tuple[bool, ...]] = Counter()
        self._recordings: dict[tuple[bool, ...], Recording] = {}
        if self._states:
            self._give_up(f"{', '.join(self._states)} learns or counts while it trains")

    @property
    def recorded(self) -> bool:
        """Whether iterations are replayed, or will be after their warm-up."""
        return self._recorder is not None

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to where `state_dict` was taken."""
        super().load_state_dict(state)
        self._recordings.clear()
        # Loaded optimizers may have no moments yet, or have them elsewhere.
        self._met.clear()

    def slow_down(self, factor: float) -> None:
        """Multiply both learning rates by `factor`."""
        super().slow_down(factor)
        self._recordings.clear()

    def _iterate(self) -> Trail:
        kind = tuple(self.step % loss.interval == 0 for _, loss in self._losses)
        if self._recorder is None or not any(kind):
            return super()._iterate()
        if kind in self._recordings:
            return self._recordings[kind].play()
        self._met[kind] += 1
        if self._met[kind] <= WARM_UP:
            return self._recorder.perform(super()._iterate)
        return self._prove(self._recorder, kind)

    def _prove(self, recorder: Recorder, kind: tuple[bool, ...]) -> Trail:
        """Make an iteration, go back, make it by a recording, and keep that if both come to the same."""
        before = self._now()
        try:
            trail = recorder.rehearse(super()._iterate)
        except RuntimeError as error:
            before.restore()
            self._give_up(f"it cannot be recorded ({_first_line(error)})")
            return super()._iterate()
        after = self._now()
        reason = self._unrepeatable(recorder, before, after)
        if reason is None and not (after.finite() and _finite(trail)):
            return trail  # The run will say that it has diverged.
        if reason is None:
            before.restore()
            recording = self._record(recorder)
            replayed = recording.play()
            reason = doubt(before, after, self._now()) or other_figures(trail, replayed)
            if reason is None:
                self._recordings[kind] = recording
                return replayed
            after.restore()
        self._give_up(reason)
        return trail

    def _unrepeatable(self, recorder: Recorder, before: Moment, after: Moment) -> str | None:
        if not all(same_state(before.random[name], after.random[name]) for name in recorder.unseen):
            return "a component draws random numbers that are not the GPU's"
        replaced = before.replaced(after)
        return replaced and f"another tensor takes the place of one of the {replaced}"

    def _record(self, recorder: Recorder) -> Recording:
        def work() -> Trail:
            trail = super(RecordedTrainer, self)._iterate()
            return [("", torch.stack([value for _, value in trail])), *trail]

        try:
            ((_, values), *trail), replay = recorder.record(work)
        except RuntimeError as error:
            # The current stream and the memory of this process are left as in the middle of a recording.
            raise ResourceError(
                f"step {self.step + 1}: the iteration cannot be recorded as a CUDA graph ({_first_line(error)}). "
                "Go on with `zoo resume --eager`"
            ) from error
        return Recording(tuple(name for name, _ in trail), values, replay)

    def _give_up(self, reason: str) -> None:
        self._recorder = None
        self._recordings.clear()
        self._tell(f"an iteration is made kernel by kernel, and not as a CUDA graph: {reason}")

    def _now(self) -> Moment:
        networks = {"generator": self.generator, "critic": self.critic, "averaged generator": self.ema.module}
        optimizers = {"critic": self.critic_optimizer, "generator": self.generator_optimizer}
        return Moment(Changing(networks, optimizers, self.device))


def _finite(trail: Trail) -> bool:
    return bool(torch.stack([value for _, value in trail]).isfinite().all())


def _first_line(error: BaseException) -> str:
    # Where recording fails, CUDA says so once more when it is ended.
    return str(error.__context__ or error).strip().partition("\n")[0][:200]
