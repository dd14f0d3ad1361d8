"""`config.json`, typed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from zoo.generators.files import LATENT_LIMIT, ONNX, ONNX_FP16, SIDE_LIMIT, WEIGHTS

FORMAT = 1
COMPONENT_NAME = r"^[\w. +-]{1,100}$"
"""Letters, digits and a few marks: nothing that reads as a path, an import or a line of its own."""
PAPER = r"^[^\n\r<>\[\]`|\\]{1,400}$"
"""One line of Markdown without a link, an image or HTML."""
Paper = Annotated[str, Field(pattern=PAPER)]
COMMAND = r"^[^\n\r<>`|\\]{1,1000}$"
"""One line that stands in a table of Markdown as it is."""
SHA256 = "^[0-9a-f]{64}$"
FIGURES_LIMIT = 64
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
    higher_is_better: bool | None = None
    """Whether the metric rises with quality; releases up to 0.2.0 did not say."""
    losses: tuple[ComponentRecord, ...] = ()
    regularizers: tuple[ComponentRecord, ...] = ()
    augmentations: tuple[ComponentRecord, ...] = ()
    command: str | None = Field(default=None, pattern=COMMAND)
    """With which anyone can train the same again; files are named without their folders. None where nobody knows, as
    of a run whose recipe was changed on the way."""


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
    sha256: str = Field(pattern=SHA256)
    size: int = Field(ge=0)


class FigureRecord(_Part):
    """A figure that `zoo evaluate --write` measured."""

    metric: str = Field(pattern=r"^[\w. +:/@-]{1,200}$")
    """As it was asked for: `swd`, or `kid:drawings` with what it looked through."""
    value: float
    higher_is_better: bool
    protocol: str = Field(pattern=r"^[^\n\r]{1,1000}$")
    """One line: how it was measured."""
    images: str = Field(pattern=r"^[^\n\r]{1,300}$")
    """Where the real images came from."""
    fingerprint: str = Field(pattern=SHA256)
    """Of the real images, as `data` has one."""
    weights: str = Field(pattern=SHA256)
    """The sha256 of the file that made the pictures, or of the weights that it was exported from."""


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
    figures: tuple[FigureRecord, ...] = Field(default=(), max_length=FIGURES_LIMIT)
    """Measured after the training; of weights that have changed since, see `current_figures`."""
    files: dict[str, FileRecord] = {}

    @property
    def digest(self) -> str | None:
        """The sha256 that tells these weights from others; None where no file is listed yet."""
        listed = self.files.get(WEIGHTS) or self.files.get(self.onnx)
        return None if listed is None else listed.sha256

    @property
    def current_figures(self) -> tuple[FigureRecord, ...]:
        """The figures that were measured of the weights that the folder holds."""
        return tuple(figure for figure in self.figures if figure.weights == self.digest)

    @property
    def onnx(self) -> str:
        """The file that makes pictures: float32's, or float16's where that is all there is."""
        return ONNX_FP16 if ONNX_FP16 in self.files and ONNX not in self.files else ONNX
