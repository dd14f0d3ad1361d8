"""What the network for drawings sees: the same as ever, of its own weights alone, and damage as distance."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch.nn import functional

from benchmarks.drawings.ranking import changed, distance
from zoo.errors import InputError, IntegrityError
from zoo.plugins.collect import load_registry
from zoo_plugins.features import drawings
from zoo_plugins.features.drawings import Drawings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

SAMPLE = Path(drawings.__file__).parents[1] / "datasets" / "camel-100.npy"
CAMEL = (0.1662, -0.2627, -0.4416, 0.7931, -1.0762, 0.7652)
EMPTY = (-0.3698, -0.7730, -0.2144, 0.5472, -0.8244, 1.5898)
"""The first numbers of the first camel's vector, and of an empty image's."""


@pytest.fixture(scope="module")
def camels() -> Tensor:
    return torch.from_numpy(np.load(SAMPLE)).view(100, 1, 28, 28).float().div(127.5).sub(1)


@pytest.fixture
def changed_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the file of weights, which is read in its place."""
    copy = tmp_path / "drawings.safetensors"
    copy.write_bytes(drawings.WEIGHTS.read_bytes())
    monkeypatch.setattr(drawings, "WEIGHTS", copy)
    drawings._trained.cache_clear()
    yield copy
    drawings._trained.cache_clear()


def test_it_sees_what_it_always_saw(camels: Tensor) -> None:
    seen = Drawings().extract(torch.cat([camels[:1], torch.full((1, 1, 28, 28), -1.0)]))

    assert seen.shape == (2, 64)
    assert seen.dtype == torch.float32
    assert seen[0, : len(CAMEL)].tolist() == pytest.approx(CAMEL, abs=1e-3)
    assert seen[1, : len(EMPTY)].tolist() == pytest.approx(EMPTY, abs=1e-3)


def test_an_image_gives_the_same_vector_in_any_batch(camels: Tensor) -> None:
    whole = Drawings().extract(camels)
    alone = torch.cat([Drawings().extract(camel[None]) for camel in camels[:8]])

    assert not whole.requires_grad
    assert (whole[:8] - alone).abs().max() < 1e-4
    assert whole.isfinite().all()


@pytest.mark.parametrize("side", [14, 56, 112])
def test_other_sizes_are_resized(side: int, camels: Tensor) -> None:
    other = functional.interpolate(camels, size=(side, side), mode="bilinear", antialias=True)
    apart = (Drawings().extract(other) - Drawings().extract(camels)).square().mean()

    assert apart < 0.3, "two camels are 0.86 apart"
    oblong = Drawings().extract(functional.pad(camels, (7, 7), value=-1.0))
    assert oblong.shape == (100, 64)


def test_colour_is_refused(camels: Tensor) -> None:
    with pytest.raises(InputError) as caught:
        Drawings().extract(camels.repeat(1, 3, 1, 1))
    assert str(caught.value) == (
        "drawings: it looks at grey drawings, and these are 28 x 28 colour. "
        "Use the features of photographs, like efficientnet-lite0"
    )


def test_only_its_own_weights_are_used(changed_weights: Path, camels: Tensor) -> None:
    data = bytearray(changed_weights.read_bytes())
    data[-1] ^= 1
    changed_weights.write_bytes(data)
    with pytest.raises(
        IntegrityError, match=r"its sha256 is [0-9a-f]{12}\.\.\., and cb3c377e6fe0\.\.\. is expected"
    ):
        Drawings().extract(camels[:1])
    changed_weights.unlink()
    with pytest.raises(IntegrityError, match="No such file"):
        Drawings().extract(camels[:1])


def test_its_protocol_names_the_weights_that_ship() -> None:
    data = drawings.WEIGHTS.read_bytes()

    assert hashlib.sha256(data).hexdigest() == drawings.SHA256
    assert drawings.SHA256[:12] in Drawings().protocol()
    assert len(data) < 1_000_000
    assert load_registry().features("drawings", "here") == Drawings()


def test_the_more_camels_are_damaged_the_farther_they_are(camels: Tensor) -> None:
    """It has never seen a camel: what it learnt of other drawings shows the damage."""
    real, rest = camels.chunk(2)
    seen = Drawings().extract(real)
    far = {what: distance(seen, Drawings().extract(images)) for what, images in changed(rest).items()}
    same = distance(seen, Drawings().extract(rest))
    upside_down = distance(seen, Drawings().extract(rest.flip(2)))

    for figure in (0, 1):
        blurred = [far[f"blurred over {side} x {side} pixels"][figure] for side in (3, 5)]
        noisy = [far[f"noise of deviation {strength} added"][figure] for strength in (0.25, 0.5)]
        noise = far["noise alone"][figure]
        assert same[figure] < blurred[0] < blurred[1] < noise
        assert same[figure] < noisy[0] < noisy[1] < noise
        assert same[figure] < upside_down[figure] < noise
    assert distance(seen, seen)[0] == pytest.approx(0, abs=1e-6)
