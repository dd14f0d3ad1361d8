"""TensorBoard: a run's curves, pictures and distributions, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import PrivateAttr

from zoo.components import Tracker
from zoo.generators.pictures import grid
from zoo.hookspecs import hookimpl
from zoo.recipes.tables import flattened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from torch.utils.tensorboard import SummaryWriter

    from zoo.history import Distribution, Probe
    from zoo.hookspecs import RunView

FOLDER = "tensorboard"
"""In the run folder."""


class TensorBoard(Tracker):
    """Figures, sample grids, scores, slopes and weights in the run's `tensorboard/`, for `tensorboard --logdir runs`.

    What a run that goes on makes again, after a kill or a rollback, TensorBoard shows once: each file begins by saying
    from which step on it replaces those before it.
    """

    name: ClassVar[str] = "tensorboard"
    needs: ClassVar[Mapping[str, str]] = {"tensorboard": "gan-model-zoo[tensorboard]"}
    _writer: SummaryWriter | None = PrivateAttr(None)

    @hookimpl
    def zoo_run_started(self, run: RunView) -> None:
        """Open a file, and write the hyperparameters into it."""
        from torch.utils.tensorboard.summary import hparams

        writer: Any = self._open(run)
        fields = flattened(run.recipe.model_dump(mode="json"))
        figure = run.record.get("metric")
        known = {name: value if _is_plain(value) else str(value) for name, value in fields.items()}
        for summary in hparams(known, {} if figure is None else {figure: None}):  # type: ignore[no-untyped-call]
            writer.file_writer.add_summary(summary)

    @hookimpl
    def zoo_step_logged(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write each figure; `critic.gradient-norm` stands in the section of `critic`."""
        for name, value in metrics.items():
            self._now.add_scalar(name.replace(".", "/", 1), value, step)

    @hookimpl
    def zoo_run_evaluated(self, step: int, probe: Probe | None) -> None:
        """Write the distributions that the probe saw."""
        for name in ("training_scores", "held_out_scores", "generated_scores", "slopes", "weights"):
            seen = getattr(probe, name, None)
            if seen is not None:
                self._add_distribution(f"probes/{name}", seen, step)

    @hookimpl
    def zoo_samples_drawn(self, step: int, pictures: NDArray[np.uint8]) -> None:
        """Write the sample grid."""
        shape = "HW" if pictures.ndim == 3 else "HWC"
        self._now.add_image("samples", np.asarray(grid(pictures)), step, dataformats=shape)

    @hookimpl
    def zoo_checkpoint_saved(self) -> None:
        """Write all there is to the disk: a run that is killed goes on from here."""
        self._now.flush()

    @hookimpl
    def zoo_run_rolled_back(self, run: RunView) -> None:
        """Go on in another file, which says where from."""
        self._now.close()
        self._open(run)

    @hookimpl
    def zoo_run_finished(self) -> None:
        """Close the file."""
        self._now.close()

    @property
    def _now(self) -> SummaryWriter:
        assert self._writer is not None
        return self._writer

    def _open(self, run: RunView) -> SummaryWriter:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(run.path / FOLDER), purge_step=run.step + 1)
        return self._writer

    def _add_distribution(self, tag: str, seen: Distribution, step: int) -> None:
        number = sum(seen.counts)
        squares = number * (seen.mean**2 + seen.std**2)
        edges = [float(edge) for edge in seen.edges]
        self._now.add_histogram_raw(
            tag, seen.low, seen.high, number, number * seen.mean, squares, edges[1:], seen.counts, step
        )


def _is_plain(value: object) -> bool:
    return isinstance(value, bool | int | float | str)


@hookimpl
def zoo_register_trackers() -> Iterable[type[Tracker]]:
    return [TensorBoard]
