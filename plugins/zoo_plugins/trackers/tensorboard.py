"""TensorBoard: a run's curves, pictures and distributions, as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import PrivateAttr

from zoo.components import Tracker
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from PIL.Image import Image

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
    _writer: Any = PrivateAttr(None)

    def zoo_run_started(self, run: RunView) -> None:
        """Open a file, and write the hyperparameters into it."""
        from torch.utils.tensorboard.summary import hparams

        self._open(run)
        figure = run.record.get("metric")
        for summary in hparams(dict(run.fields), {figure: None} if figure else {}):  # type: ignore[no-untyped-call]
            self._writer.file_writer.add_summary(summary)

    def zoo_step_logged(self, step: int, metrics: Mapping[str, float]) -> None:
        """Write each figure; `critic.gradient-norm` stands in the section of `critic`."""
        for name, value in metrics.items():
            self._writer.add_scalar(name.replace(".", "/", 1), value, step)

    def zoo_run_evaluated(self, step: int, probe: Probe | None) -> None:
        """Write the distributions that the probe saw."""
        for name in ("training_scores", "held_out_scores", "generated_scores", "slopes", "weights"):
            seen = getattr(probe, name, None)
            if seen is not None:
                self._add_distribution(f"probes/{name}", seen, step)

    def zoo_samples_drawn(self, step: int, grid: Image) -> None:
        """Write the sample grid."""
        self._writer.add_image(
            "samples", np.asarray(grid), step, dataformats="HW" if grid.mode == "L" else "HWC"
        )

    def zoo_checkpoint_saved(self) -> None:
        """Write all there is to the disk: a run that is killed goes on from here."""
        self._writer.flush()

    def zoo_run_rolled_back(self, run: RunView) -> None:
        """Go on in another file, which says where from."""
        self._writer.close()
        self._open(run)

    def zoo_run_finished(self) -> None:
        """Close the file."""
        self._writer.close()

    def _open(self, run: RunView) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(run.path / FOLDER), purge_step=run.step + 1)

    def _add_distribution(self, tag: str, seen: Distribution, step: int) -> None:
        number = sum(seen.counts)
        squares = number * (seen.mean**2 + seen.std**2)
        edges = [float(edge) for edge in seen.edges]
        self._writer.add_histogram_raw(
            tag, seen.low, seen.high, number, number * seen.mean, squares, edges[1:], seen.counts, step
        )


@hookimpl
def zoo_register_trackers() -> Iterable[type[Tracker]]:
    return [TensorBoard]
