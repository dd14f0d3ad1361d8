"""Which files of a repository are ever downloaded, and how large each may be. Names from the Hub are never used."""

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
"""What `--with` can ask for."""
REPORT = "onnx/report.json"
ONNX_LIMIT = 256 << 20
"""As many bytes as are ever read of an ONNX file."""
LIMITS = {
    CONFIG: CONFIG_LIMIT,
    CARD: 1 << 20,
    SAMPLES: 64 << 20,
    REPORT: 1 << 20,
    ONNX: ONNX_LIMIT,
    **{name: ONNX_LIMIT for name in EXTRAS.values() if name != WEIGHTS},
    WEIGHTS: 4 << 30,
}
"""Bytes, by every name that is ever asked for."""


class Choice(NamedTuple):
    """What somebody wants of a generator."""

    extras: tuple[str, ...] = ()
    """Keys of `EXTRAS`."""
    whole: bool = False
    """Every file, so that it can be exported and pushed again."""

    def needed(self, config: GeneratorConfig) -> list[str]:
        """Return the names that cannot be done without."""
        listed = [name for name in LIMITS if name in config.files] if self.whole else []
        return list(dict.fromkeys([CONFIG, ONNX, *(EXTRAS[extra] for extra in self.extras), *listed]))

    def names(self, config: GeneratorConfig) -> list[str]:
        """Return those, and what is taken where it is there."""
        return list(dict.fromkeys([*self.needed(config), SAMPLES, CARD]))
