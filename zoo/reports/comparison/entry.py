"""What is known of one thing that is compared: a run, or a generator from anywhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

    from zoo.generators.measures import Measure
    from zoo.history import Curve

Kind = Literal["run", "generator", "file", "name"]
NOT_BEGUN = "not begun"
"""The state of a run that a sweep has not come to, or that could not begin."""
CURVES = ("critic", "generator")
"""Of the log, beside the metric."""


@dataclass(frozen=True)
class Entry:
    """One run, generator folder, ONNX file or name on the Hub, as far as it says; what it does not say is None.

    Attributes:
        name: its path or name.
        kind: what it is.
        recipe: the name of the recipe.
        state: `done`, `stopped`, `failed`, `running` or `not begun` of a run; empty for the others.
        problem: what went wrong with it, in a line.
        seed: of its training.
        settings: the recipe's fields by their keys, but for the seed; None where all of them are not known.
        step: generator steps that were made.
        steps: how many were asked for.
        best_step: of which the training's figure is.
        measure: how figures were measured while it was trained.
        figures: the best of the training, and those that `zoo evaluate --write` left.
        fingerprint: of the images that it was trained on.
        seconds: of training.
        images_per_second: the median of the training.
        hardware: on which it was trained, and in which precision.
        parameters: of the generator, by its weights.
        onnx_parameters: of the ONNX file, which computes the same in other layers; where the weights are not there.
        onnx_bytes: of the ONNX file that makes pictures.
        latent_dim: numbers in a latent.
        curves: losses and the metric over the steps.
        strip: pictures of the first latents of seed 0, in one row.
        onnx: what `zoo.load` opens to make pictures without an export; None where that would need one.
    """

    name: str
    kind: Kind
    recipe: str | None = None
    state: str = ""
    problem: str | None = None
    seed: int | None = None
    settings: Mapping[str, Any] | None = None
    step: int | None = None
    steps: int | None = None
    best_step: int | None = None
    measure: Measure | None = None
    figures: Mapping[Measure, float] = field(default_factory=dict)
    fingerprint: str = ""
    seconds: float | None = None
    images_per_second: float | None = None
    hardware: str | None = None
    parameters: int | None = None
    onnx_parameters: int | None = None
    onnx_bytes: int | None = None
    latent_dim: int | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict, repr=False)
    strip: Image.Image | None = field(default=None, repr=False)
    onnx: str | None = None

    @property
    def figure(self) -> float | None:
        """The training's own figure."""
        return None if self.measure is None else self.figures.get(self.measure)

    @property
    def complete(self) -> bool:
        """Whether it is a training that came to its end, or what one left."""
        return self.kind != "run" or self.state == "done"
