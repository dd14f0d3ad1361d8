"""`config.json`, typed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from zoo.generators.files import LATENT_LIMIT, ONNX, ONNX_FP16, SIDE_LIMIT

FORMAT = 1
COMPONENT_NAME = r"^[\w. +-]{1,100}$"
"""Letters, digits and a few marks: nothing that reads as a path, an import or a line of its own."""
PAPER = r"^[^\n\r<>\[\]`|\\]{1,400}$"
"""One line of Markdown without a link, an image or HTML."""
Paper = Annotated[str, Field(pattern=PAPER)]
_Side = Annotated[int, Field(ge=1, le=SIDE_LIMIT)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class Provider(_Part):
    """Who brought a component: the installed distribution and its version."""

    distribution: str = Field(pattern=r"^[\w.-]{1,100}$")
    version: str = Field(pattern=r"^[\w.+!-]{1,100}$")


class ComponentRecord(_Part):
    """A component by name, with every field: enough to make it again where its provider is installed."""

    name: str = Field(pattern=COMPONENT_NAME)
    provider: Provider
    fields: dict[str, Any] = {}


class TrainingRecord(_Part):
    """How the weights came to be."""

    step: int = Field(ge=0)
    """The generator step whose averaged weights these are."""
    steps: int = Field(ge=0)
    """How far the run had gone when the folder was written."""
    batch_size: int = Field(ge=1)
    critic_steps: int = Field(ge=1)
    seed: int
    seconds: float = Field(ge=0)
    hardware: str
    precision: str
    metric: str | None = None
    value: float | None = None
    """The metric at `step`; None when the run was never evaluated."""
    protocol: str | None = None
    """One line: how the metric was measured."""
    losses: tuple[ComponentRecord, ...] = ()
    regularizers: tuple[ComponentRecord, ...] = ()
    augmentations: tuple[ComponentRecord, ...] = ()


class DataRecord(_Part):
    """What the generator learnt from."""

    name: str
    source: str
    licence: str
    images: int = Field(ge=1)
    fingerprint: str
    stand_in: str | None = None
    """Why these were not the images the recipe asks for; None when they were."""


class FileRecord(_Part):
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class GeneratorConfig(_Part):
    """`config.json`: names and numbers only; nothing in it is ever imported or executed."""

    format: Literal[1] = 1
    library: str
    """Name and version of the library that wrote it."""
    recipe: str
    architecture: ComponentRecord
    latent_dim: int = Field(ge=1, le=LATENT_LIMIT)
    image_shape: tuple[_Side, _Side, _Side]
    """(C, H, W)."""
    value_range: tuple[float, float] = (-1.0, 1.0)
    training: TrainingRecord
    data: DataRecord
    papers: tuple[Paper, ...] = ()
    """Of the parts that made it; releases up to 0.2.0 wrote none."""
    files: dict[str, FileRecord] = {}

    @property
    def onnx(self) -> str:
        """The file that makes pictures: float32's, or float16's where that is all there is."""
        return ONNX_FP16 if ONNX_FP16 in self.files and ONNX not in self.files else ONNX
