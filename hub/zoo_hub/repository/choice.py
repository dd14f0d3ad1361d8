"""The files that a pull chooses from, and how large each may be. No name that comes from the Hub is ever used."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from zoo.generators.files import CARD, CONFIG, FILES, LIMITS, ONNX, SAMPLES, WEIGHTS

if TYPE_CHECKING:
    from zoo.generators.config import GeneratorConfig

EXTRAS: dict[str, str] = {
    **{variant: name for variant, name in FILES.items() if name != ONNX},
    "weights": WEIGHTS,
}
"""The files that `--with` can choose, by its words."""


class Choice(NamedTuple):
    """The files of a generator to download."""

    extras: tuple[str, ...] = ()
    """Keys of `EXTRAS`."""
    whole: bool = False
    """Whether to get every file, so that the generator can be exported and pushed again."""

    def needed(self, config: GeneratorConfig) -> list[str]:
        """Return the names of the files that must be in the repository."""
        listed = [name for name in LIMITS if name in config.files] if self.whole else []
        return list(dict.fromkeys([CONFIG, config.onnx, *(EXTRAS[extra] for extra in self.extras), *listed]))

    def names(self, config: GeneratorConfig) -> list[str]:
        """Return the names of all files to get: the needed ones, and those that a repository may lack."""
        return list(dict.fromkeys([*self.needed(config), SAMPLES, CARD]))
