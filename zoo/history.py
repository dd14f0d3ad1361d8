"""What a symptom is given: a training's curves, what its probes saw, and its facts; and what it answers.

Importing this module does not import torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from zoo.recipes.recipe import Recipe

BINS = 24
"""Of each histogram."""
WALK_FRAMES = 18
"""Pictures of a walk through the latents, past three of them and back to the first."""
FIGURE_LIMIT = 1e38
"""Of a figure: about what float32 holds."""
Figure = Annotated[float, Field(ge=-FIGURE_LIMIT, le=FIGURE_LIMIT)]
Distance = Annotated[float, Field(ge=0, le=FIGURE_LIMIT)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Distribution(_Part):
    """Many numbers: their mean, their deviation, and a histogram from `low` to `high` in equal bins."""

    mean: Figure
    std: Distance
    low: Figure
    high: Figure
    counts: tuple[Annotated[int, Field(ge=0, lt=2**53)], ...] = Field(min_length=2, max_length=1000)

    @model_validator(mode="after")
    def _in_order(self) -> Distribution:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        return self

    @property
    def edges(self) -> NDArray[np.float64]:
        """The limits of the bins, one more than there are counts."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)

    @property
    def at_ends(self) -> float:
        """The share of the numbers in the first and the last bin, 0 to 1."""
        return (self.counts[0] + self.counts[-1]) / max(sum(self.counts), 1)


class Neighbour(_Part):
    """The training image nearest to a generated one."""

    index: int = Field(ge=0, lt=2**53)
    distance: Distance
    """Root of the mean squared difference, in levels of 255."""


class Probe(_Part):
    """What an evaluation saw beside its figure. Scores are of images without augmentation, the critic in eval mode."""

    format: Literal[1] = 1
    step: int = Field(ge=0, lt=2**53)
    training_scores: Distribution
    """The critic's scores of training images."""
    held_out_scores: Distribution | None
    """Of images that were not trained on, where there are any."""
    generated_scores: Distribution
    """Of the averaged generator's."""
    slopes: Distribution
    """Norms of the critic's gradient at points between training and generated images."""
    weights: Distribution
    """All of the critic's weights, biases aside."""
    generated_spread: Distance
    """Mean distance of two generated images, in levels of 255."""
    training_spread: Distance
    """The same of two training images."""
    neighbours: tuple[Neighbour, ...] = Field(max_length=64)
    """Of the first fixed pictures."""
    training_neighbour: Distance
    """Median distance of a training image to the nearest other one."""

    @property
    def separation(self) -> float:
        """How far training images' scores lie above generated ones', in the deviation that both have on average."""
        real, made = self.training_scores, self.generated_scores
        return (real.mean - made.mean) / max(math.hypot(real.std, made.std) / math.sqrt(2), 1e-12)


@dataclass(frozen=True)
class Curve:
    """One figure over a training."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    def since(self, step: int) -> Curve:
        """Return the part after a step."""
        late = self.steps > step
        return Curve(self.steps[late], self.values[late])

    def smoothed(self, window: int) -> Curve:
        """Return the mean over `window` neighbouring values, at least 1, fewer at both ends."""
        if len(self) == 0:
            return self
        ones = np.ones(max(1, min(window, len(self))))
        total = np.convolve(self.values, ones, "same")
        return Curve(self.steps, total / np.convolve(np.ones(len(self)), ones, "same"))


NOTHING = Curve(np.zeros(0, np.int64), np.zeros(0))


@dataclass(frozen=True)
class History:
    """A training as far as it came.

    Attributes:
        record: what `run.json` holds.
        recipe: its tables with every field of their components; None where it cannot be read.
        curves: by the names in `metrics.jsonl`: `critic` and `generator` are the sums as they are minimised,
            `critic.gradient-norm` and `generator.gradient-norm` of their gradients, `critic.NAME` a loss of its own.
        probes: in the order of their steps.
        scores_are_logits: whether the critic's scores are logits; None where a plugin that would know is not here.
        slope_weight: the key of that loss's weight in the recipe, `losses.1.weight`.
        slope_target: the norm to which a loss holds the critic's gradient; None where none does, or that is unknown.
        higher_is_better: whether the metric rises with quality; None where that is not known.
    """

    record: Mapping[str, Any]
    recipe: Recipe | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)
    probes: tuple[Probe, ...] = ()
    scores_are_logits: bool | None = None
    slope_target: float | None = None
    slope_weight: str | None = None
    higher_is_better: bool | None = None

    def curve(self, name: str) -> Curve:
        """Return a curve, or an empty one."""
        return self.curves.get(name, NOTHING)

    @property
    def steps(self) -> int:
        """How many generator steps were made."""
        return int(self.record.get("step") or 0)

    def scaled(self, key: str, factor: float) -> str:
        """Return `--set KEY=VALUE` with the recipe's value times `factor`, or `--set KEY=...` where it has none."""
        value: Any = None if self.recipe is None else self.recipe.model_dump(mode="json")
        for part in key.split("."):
            at = int(part) if part.isdecimal() else part
            try:
                value = value[at]
            except (KeyError, IndexError, TypeError):
                value = None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"--set {key}=..."
        return f"--set {key}={type(value)(value * factor):g}"

    @property
    def trains(self) -> bool:
        """Whether the training goes on."""
        return self.record.get("state") == "running"

    @property
    def losses_at_measurements(self) -> NDArray[np.float64]:
        """The critic's smoothed loss at the steps of the measurements; it must have been logged."""
        curve = self.curve("critic")
        smooth = curve.smoothed(max(len(curve) // 20, 1))
        return np.interp(self.quality.steps, smooth.steps, smooth.values)

    @property
    def quality(self) -> Curve:
        """The recipe's metric, empty where it has none."""
        return self.curve(str(self.record.get("metric") or ""))


@dataclass(frozen=True)
class Diagnosis:
    """Something that ails a training: each a sentence without its full stop, but for `advice`."""

    what: str
    """`the generated pictures are all alike`."""
    evidence: str
    """With the figure that shows it."""
    cause: str
    """As the papers say it."""
    advice: tuple[str, ...]
    """What to try: `--set losses.1.weight=10`, or a few words."""
    step: int | None = None
    """Where it shows."""
    plot: str = ""
    """The heading of the report's plot where it can be seen."""
