"""Every hook there is, on one screen. Mark yours with `from zoo.hookspecs import hookimpl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import click
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import nn

    from zoo.components import (
        Architecture,
        Augmentation,
        Dataset,
        Features,
        Loss,
        Metric,
        Plan,
        Regularizer,
        Symptom,
        Tracker,
    )
    from zoo.generators.generator import Generator
    from zoo.history import Probe
    from zoo.recipes.recipe import Recipe


hookspec = pluggy.HookspecMarker("zoo")
hookimpl = pluggy.HookimplMarker("zoo")
State = Literal["ok", "note", "broken"]
"""`note`: something is missing that not everybody needs. `broken`: pictures cannot be made."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    found: str
    state: State = "ok"
    advice: str = ""
    """A whole sentence without its full stop."""


class RunView(Protocol):
    """A training as the hooks see it: to be read, never changed."""

    @property
    def path(self) -> Path:
        """The run folder."""

    @property
    def id(self) -> str:
        """Digits that tell it from all others, the same whenever it goes on; a copy of its folder has them too."""

    @property
    def recipe(self) -> Recipe:
        """The recipe it is trained by, its tables with every field of their components."""

    @property
    def fields(self) -> Mapping[str, bool | int | float | str]:
        """The recipe's fields by their keys, as `--set` names them: `losses.1.weight`."""

    @property
    def plan(self) -> Plan:
        """The components it is made of."""

    @property
    def record(self) -> Mapping[str, Any]:
        """What `run.json` holds."""

    @property
    def step(self) -> int:
        """How many generator steps have been made."""

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and figure of the best measurement so far."""


@hookspec
def zoo_register_architectures() -> Iterable[type[Architecture]]:
    """Bring generators and critics: `return [MyArchitecture]`. Entry-point group `zoo`, as all components."""
    return []


@hookspec
def zoo_register_losses() -> Iterable[type[Loss]]:
    """Bring losses. A whole plugin module, named by the entry point `hinge = "zoo_hinge"` in group `zoo`:

    class Hinge(Loss):
        name = "hinge"

        def critic(self, batch: CriticBatch) -> Tensor:
            return (relu(1 - batch.real_scores) + relu(1 + batch.fake_scores)).mean()

        def generator(self, batch: GeneratorBatch) -> Tensor:
            return -batch.fake_scores.mean()

    @hookimpl
    def zoo_register_losses():
        return [Hinge]
    """
    return []


@hookspec
def zoo_register_regularizers() -> Iterable[type[Regularizer]]:
    """Bring constraints on the critic's weights: `return [MyClipping]`."""
    return []


@hookspec
def zoo_register_augmentations() -> Iterable[type[Augmentation]]:
    """Bring differentiable augmentations: `return [MyFlip]`."""
    return []


@hookspec
def zoo_register_datasets() -> Iterable[type[Dataset]]:
    """Bring images: `return [MyDataset]`; its `images()` returns one uint8 array (N, C, H, W)."""
    return []


@hookspec
def zoo_register_metrics() -> Iterable[type[Metric]]:
    """Bring figures of quality: `return [MyDistance]`."""
    return []


@hookspec
def zoo_register_features() -> Iterable[type[Features]]:
    """Bring networks through which metrics look at images: `return [MyFeatures]`."""
    return []


@hookspec
def zoo_register_symptoms() -> Iterable[type[Symptom]]:
    """Bring what can ail a training: `return [MySymptom]`; its `find(history)` says whether a run has it."""
    return []


@hookspec
def zoo_register_trackers() -> Iterable[type[Tracker]]:
    """Bring places where runs are followed: `return [MyTracker]`; only the runs of `--tracker NAME` are."""
    return []


@hookspec
def zoo_register_recipes() -> Iterable[Path]:
    """Bring recipes: `return Path(__file__).parent.glob("recipes/*.toml")`."""
    return []


@hookspec
def zoo_register_commands(cli: click.Group) -> None:
    """Add commands: `cli.add_command(mine)`. Entry-point group `zoo.commands`; must not import torch."""


@hookspec(firstresult=True)
def zoo_open_generator(name: str) -> Generator | None:
    """Open the generator that NAME stands for, or return None to let the next plugin try. Group `zoo.commands`."""


@hookspec(firstresult=True)
def zoo_describe_file(path: Path) -> Mapping[str, Any] | None:
    """Say what a file is, for `zoo info FILE`: facts by name, or None for the next plugin. Group `zoo.commands`."""


@hookspec(firstresult=True)
def zoo_describe_name(name: str) -> Mapping[str, Any] | None:
    """Say what a NAME of yours is, for `zoo info NAME`: facts by name, or None for the next plugin."""


@hookspec
def zoo_find_generators(owner: str | None, search: str | None) -> Iterable[Mapping[str, Any]]:  # noqa: ARG001
    """Find published generators, for `zoo list --hub`: `return [{"name": "me/camel", "pictures": "28x28"}]`.

    `"figures"` is a list of tables with `metric`, `value`, `protocol` (how, in a line), `images` (which, in words),
    `fingerprint` (of those) and `higher_is_better`: only those alike but for their value stand in one column.
    """
    return []


@hookspec
def zoo_check_generator(architecture: Architecture, generator: nn.Module) -> None:
    """Refuse, before a training, a generator that yours could do nothing with: `raise InputError("...")`.

    It is new, float32, on the CPU and in eval mode, and must not be changed.
    """


@hookspec
def zoo_diagnose() -> Iterable[Finding]:
    """Say what of yours works here, for `zoo doctor`: `return [Finding("licence server", "answers")]`."""
    return []


@hookspec
def zoo_run_started(run: RunView) -> None:
    """A run begins or goes on. Whoever tracks runs elsewhere starts here: `tracker.start(run.id, run.fields)`."""


@hookspec
def zoo_step_logged(run: RunView, step: int, metrics: Mapping[str, float]) -> None:
    """A line went into `metrics.jsonl`: `tracker.log(metrics, step)`."""


@hookspec
def zoo_run_evaluated(run: RunView, step: int, value: float, best: bool, probe: Probe | None) -> None:
    """The metric was measured, and the critic looked at: `probe` is what a report shows of it, where it could be."""


@hookspec
def zoo_samples_drawn(run: RunView, step: int, pictures: NDArray[np.uint8], grid: Image) -> None:
    """The pictures of the fixed latents, (64, H, W) or (64, H, W, 3), read-only, and as one: `tracker.show(grid)`.

    The file of the grid, under `samples/`, may still be on its way to the disk.
    """


@hookspec
def zoo_checkpoint_saved(run: RunView, path: Path) -> None:
    """A checkpoint folder is complete: `upload(path)`. On a GPU the run is a few steps further by then."""


@hookspec
def zoo_run_rolled_back(run: RunView, step: int) -> None:
    """A run diverged at `step` and went back to `run.step`, from which it goes on: `tracker.cut(run.step)`."""


@hookspec
def zoo_run_finished(run: RunView, outcome: str) -> None:
    """A run ended: `outcome` is `done`, `stopped` or `failed`."""
