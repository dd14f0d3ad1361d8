"""What a training writes into its folder as it goes: the record, sample grids and checkpoints, in a safe order."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image
from torch.nn.parameter import is_lazy

from zoo.errors import ResourceError
from zoo.generators.pictures import grid, png
from zoo.runs.checkpoints import checkpoint, clearing
from zoo.runs.checkpoints.copying import copied
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.folder import NEIGHBOURS, PROBES, WALK
from zoo.runs.record import Best, write_record
from zoo.system.atomic import write_atomic
from zoo.system.background import Background
from zoo.system.disk_space import refuse_without_room

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo.components import Plan
    from zoo.evaluation.monitor import Seen
    from zoo.runs.checkpoints.nesting import State
    from zoo.runs.record import RunRecord, RunState


FIGURE_BYTES = 100
"""Of a figure by its name, in JSON, at most."""
CLOCK_BYTES = 500
"""For digits that the step, the seconds and the best figure do not have yet."""

TIMES_LIMIT = 8
"""Of networks and components, what a checkpoint may hold: weights, averages, and up to six slots of an optimizer."""
BESIDE_LIMIT = 64 << 20
"""Bytes of a checkpoint's tensors beside: the random numbers of many ranks."""


def most_bytes(state: State, plan: Plan) -> int:
    """Return how many bytes a checkpoint like this state may have, at most, later in the training."""
    # The losses since the last line of the log are in it too.
    figures = (plan.training.log_every - 1) * (2 * len(plan.losses) + 4)
    return checkpoint.checkpoint_bytes(state) + figures * FIGURE_BYTES + CLOCK_BYTES


def most_tensor_bytes(plan: Plan) -> int | None:
    """Return how many bytes the tensors of a plan's checkpoint may have before they are read; None where it is unknown.

    A file from a stranger may have any size.
    """
    states = [state for _, component in plan.components() if (state := component.state()) is not None]
    tensors = [tensor for network in plan.architecture.networks for tensor in network.state_dict().values()]
    if any(map(is_lazy, tensors)):
        return None
    kept = [tensor for state in states for tensor in state.state_dict().values()]
    size: int = sum(tensor.nbytes for tensor in [*tensors, *kept])
    return BESIDE_LIMIT + TIMES_LIMIT * size


class Reached(NamedTuple):
    """What the record says of a checkpoint, which may be written while the training goes on."""

    step: int
    seconds: float
    best: Best | None


class RunFiles:
    """The files of a run that its training writes; on a GPU grids and checkpoints are written on a thread.

    Args:
        path: the run folder.
        facts: what `run.json` holds; kept up to date here.
        threaded: whether the training goes on while files are written.
    """

    def __init__(self, path: Path, facts: RunRecord, *, threaded: bool) -> None:
        self.path = path
        self.facts = facts
        self._background = Background(threaded=threaded)
        self._saving = False

    def poll(self) -> None:
        """Finish what is written, without waiting; raise what that raised."""
        self._background.poll()

    def wait(self) -> None:
        """Wait until everything is written; raise what that raised."""
        self._background.wait()

    def close(self) -> None:
        """Wait until everything is written, or has failed."""
        self._background.close()

    def refuse_without_room(self, size: int) -> None:
        """Raise ResourceError where the checkpoints that will be kept, of `size` bytes each, have no room."""
        kept = clearing.KEEP + 2  # the best one, and the one that is being written
        missing = max(kept - len(checkpoints(self.path)), 1)
        refuse_without_room(self.path, size, missing)

    def save_samples(self, step: int, pictures: NDArray[np.uint8]) -> None:
        """Write a step's grid of pictures (N, H, W) or (N, H, W, 3)."""
        path = self.path / "samples" / f"step-{step:06d}.png"
        self._background.do(partial(self._write_samples, path, pictures, step))

    def _write_samples(self, path: Path, pictures: NDArray[np.uint8], step: int) -> None:
        self._refuse_removed(step)
        write_atomic(path, png(grid(pictures)))

    def save_probe(self, seen: Seen) -> None:
        """Write what an evaluation saw, and its pictures in place of those of the one before."""
        self._background.do(partial(self._write_probe, seen))

    def _write_probe(self, seen: Seen) -> None:
        probe = seen.probe
        self._refuse_removed(probe.step)
        folder = self.path / PROBES
        write_atomic(folder / f"step-{probe.step:06d}.json", f"{probe.model_dump_json()}\n".encode())
        write_atomic(folder / NEIGHBOURS, png(grid(seen.neighbours, columns=len(seen.neighbours) // 3)))
        sheet = np.concatenate([np.concatenate(list(frame), axis=1) for frame in seen.walk])
        write_atomic(folder / WALK, png(Image.fromarray(sheet)))

    def save_checkpoint(
        self, reached: Reached, make_state: Callable[[], State], saved: Callable[[Path], object]
    ) -> None:
        """Write a checkpoint, then the record that names it, then prune; `saved` is called with its folder.

        Args:
            reached: where the training is.
            make_state: gives what the checkpoint holds; called here, once the one before is written.
            saved: called on the training's own thread.
        """
        # One at a time: each holds a copy of everything. Pictures that came after it may wait longer.
        self._background.wait(until=lambda: not self._saving)
        self._refuse_removed(reached.step)
        state = make_state()
        if self._background.threaded:
            state = copied(state)

        def then(path: Path) -> None:
            # First the record, then the pruning: what run.json names must be there at every moment.
            self._saving = False
            self.note("running", reached)
            clearing.prune(self.path, reached.best.step if reached.best else None)
            saved(path)

        save = partial(checkpoint.save_checkpoint, self.path, reached.step, state)
        self._saving = True
        self._background.do(save, then)

    def note(self, state: RunState, reached: Reached) -> None:
        """Write the record."""
        self._refuse_removed(reached.step)
        facts = self.facts
        if state == "failed":
            # A better figure may have come just before its checkpoint failed.
            reached = reached._replace(best=facts.best)
        facts.state, facts.step, facts.seconds, facts.best = state, *reached
        write_record(self.path, facts)

    def _refuse_removed(self, step: int) -> None:
        if not self.path.is_dir():
            raise ResourceError(
                f"{self.path}: the run folder was removed at about step {step}. Start a new run"
            )
