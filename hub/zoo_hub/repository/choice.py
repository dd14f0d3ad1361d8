"""Which files of a repository are ever downloaded, and how large each may be. Names from the Hub are never used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zoo.generators.files import CARD, CONFIG, FILES, LIMITS, ONNX, SAMPLES, WEIGHTS

if TYPE_CHECKING:
    from zoo.generators.config import GeneratorConfig

EXTRAS: dict[str, str] = {
    **{variant: name for variant, name in FILES.items() if name != ONNX},
    "weights": WEIGHTS,
}
"""What `--with` can ask for."""


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
