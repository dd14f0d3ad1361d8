"""What `zoo evaluate` found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

SplitChoice = Literal["auto", "held-out", "training", "all"]
SPLITS: tuple[SplitChoice, ...] = ("auto", "held-out", "training", "all")


@dataclass(frozen=True)
class Figure:
    """One metric's figure of a generator."""

    metric: str
    """As it was asked for: `swd`, `kid:drawings`."""
    value: float | None
    """None where it could not be measured."""
    higher_is_better: bool
    protocol: str
    """One line: how it was measured. Figures can be compared only where it is the same."""
    missing: str = ""
    """Why there is no value."""
    real: float | None = None
    """The figure of real images in place of generated ones, where it was asked for: as good as can be."""
    noise: float | None = None
    """The figure of noise in place of generated images, where it was asked for."""


@dataclass(frozen=True)
class Compared:
    """The real images."""

    source: str
    images: int
    fingerprint: str
    learnt_from: bool | None
    """Whether the generator learnt from this very set; None where its file does not say."""


@dataclass(frozen=True)
class Evaluation:
    """Figures of one generator."""

    name: str
    pictures: int
    """How many were generated: the first of the seed."""
    seed: int
    weights: str | None
    """The sha256 that tells the generator's weights from others; None where no `config.json` lists them."""
    data: Compared
    figures: tuple[Figure, ...]
    seconds: float
    """In all."""
    pictures_per_second: float
    """Of the generator alone."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @property
    def measured(self) -> tuple[Figure, ...]:
        """The figures that have a value."""
        return tuple(figure for figure in self.figures if figure.value is not None)
