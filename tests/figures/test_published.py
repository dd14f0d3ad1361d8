"""`zoo evaluate` of what is on the Hub, where torch is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.support.hub.publish import publish
from tests.test_imports import BLOCK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]

ZOO = f"{BLOCK}\nfrom zoo.cli.main import main\nmain()"


def test_a_published_file_is_measured_without_torch(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    you.home.mkdir()
    drawings = np.random.default_rng(0).integers(0, 256, (50, 4, 4), np.uint8)
    np.save(you.home / "drawings.npy", drawings)
    words = ("-c", ZOO, "evaluate", "me/camel", "--data", "drawings.npy", "-n", "20")

    ran = you.python(*words)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[1].startswith("energy ")
    assert "20 generated against 50 images of another set than it learnt from" in ran.out
    refused = you.python(*words, "--metric", "swd")
    assert (refused.code, refused.out) == (3, "")
    assert refused.err.splitlines()[-1] == (
        "zoo: error: swd: torch is not installed, and without it there is only energy. "
        'Run pip install "gan-model-zoo[train]", or use --metric energy'
    )
