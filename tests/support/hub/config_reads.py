"""How often a `config.json` is parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zoo.generators.config_file
import zoo.generators.folder

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from zoo.generators.config import GeneratorConfig


def count_parses(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that gets the path of every `config.json` that is parsed from now on."""
    parses: list[Path] = []
    plain = zoo.generators.config_file.parsed

    def parsed(path: Path, data: bytes) -> GeneratorConfig:
        parses.append(path)
        return plain(path, data)

    monkeypatch.setattr(zoo.generators.folder, "parsed", parsed)
    return parses
