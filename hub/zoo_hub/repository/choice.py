"""The files that a pull chooses from, and how large each may be. No name that comes from the Hub is ever used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zoo.generators.files import CARD, CONFIG, CONFIG_LIMIT, ONNX, SAMPLES, WEIGHTS

if TYPE_CHECKING:
    from zoo.generators.config import GeneratorConfig

EXTRAS = {
    "fp16": "onnx/model_fp16.onnx",
    "int8": "onnx/model_int8.onnx",
    "uint8": "onnx/images_uint8.onnx",
    "weights": WEIGHTS,
}
"""The files that `--with` can choose, by its words."""
REPORT = "onnx/report.json"
ONNX_LIMIT = 256 << 20
"""Bytes of the largest ONNX file that is read."""
LIMITS = {
    CONFIG: CONFIG_LIMIT,
    CARD: 1 << 20,
    SAMPLES: 64 << 20,
    REPORT: 1 << 20,
    ONNX: ONNX_LIMIT,
    **{name: ONNX_LIMIT for name in EXTRAS.values() if name != WEIGHTS},
    WEIGHTS: 4 << 30,
}
"""The largest size in bytes of each file that is downloaded or published, by its name."""


class Choice(NamedTuple):
    """The files of a generator to download."""

    extras: tuple[str, ...] = ()
    """Keys of `EXTRAS`."""
    whole: bool = False
    """Whether to get every file, so that the generator can be exported and pushed again."""

    def needed(self, config: GeneratorConfig) -> list[str]:
        """Return the names of the files that must be in the repository."""
        listed = [name for name in LIMITS if name in config.files] if self.whole else []
        return list(dict.fromkeys([CONFIG, ONNX, *(EXTRAS[extra] for extra in self.extras), *listed]))

    def names(self, config: GeneratorConfig) -> list[str]:
        """Return the names of all files to get: the needed ones, and those that a repository may lack."""
        return list(dict.fromkeys([*self.needed(config), SAMPLES, CARD]))
