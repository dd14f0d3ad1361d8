"""The network of photographs that comes from PyPI: its reference vectors, and what it refuses."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from zoo.errors import InputError, IntegrityError
from zoo_plugins.features.efficientnet_lite0 import PACKAGE, EfficientNetLite0

if TYPE_CHECKING:
    from pathlib import Path


def reference_images(channels: int, side: int) -> torch.Tensor:
    """Two images of squares of noise."""
    coarse = np.random.Generator(np.random.Philox(5)).uniform(-1, 1, (2, channels, 8, 8))
    return torch.tensor(coarse.repeat(-(-side // 8), 2).repeat(-(-side // 8), 3)[..., :side, :side]).float()


@pytest.fixture(scope="module")
def network() -> EfficientNetLite0:
    pytest.importorskip(PACKAGE)
    return EfficientNetLite0()


VECTORS = {
    (1, 28): [
        [0.16184, 0.12406, 0.11478, 0.14322, 0.13282, 0.1209, 0.14527, 0.18658],
        [0.14751, 0.11339, 0.12182, 0.13841, 0.10529, 0.11981, 0.13355, 0.17659],
    ],
    (3, 32): [
        [0.16578, 0.1467, 0.17067, 0.14566, 0.12762, 0.15681, 0.13755, 0.22086],
        [0.17854, 0.15218, 0.16741, 0.15665, 0.13945, 0.16433, 0.13736, 0.23301],
    ],
    (3, 300): [
        [0.06569, 0.03992, 0.06724, 0.04749, 0.03791, 0.05417, 0.03175, 0.05464],
        [0.06646, 0.04098, 0.07423, 0.04895, 0.04273, 0.05571, 0.0337, 0.05777],
    ],
}
"""By channels and side: the means of each 160 of the 1,280 numbers."""


@pytest.mark.parametrize(("channels", "side"), VECTORS)
def test_it_sees_what_its_authors_network_sees(network: EfficientNetLite0, channels: int, side: int) -> None:
    """The vectors are those of the package efficientnet-lite-pytorch 0.1.0 for the same resized pixels."""
    seen = network.extract(reference_images(channels, side))
    assert seen.shape == (2, 1280)
    torch.testing.assert_close(
        seen.view(2, 8, 160).mean(2), torch.tensor(VECTORS[channels, side]), atol=2e-5, rtol=1e-4
    )


def test_grey_is_seen_as_colour_of_three_equal_channels(network: EfficientNetLite0) -> None:
    grey = reference_images(1, 28)[:1]
    assert torch.equal(network.extract(grey), network.extract(grey.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize("shape", [(2, 2, 28, 28), (2, 28, 28), (2, 4, 28, 28), (2, 3, 0, 28)])
def test_what_is_no_image_is_refused(network: EfficientNetLite0, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        network.extract(torch.zeros(shape))
    assert str(caught.value) == (
        f"efficientnet-lite0: it was given a tensor {shape}. Give it images (N, C, H, W) of 1 or 3 channels"
    )


def test_images_that_are_no_numbers_are_seen_as_none(network: EfficientNetLite0) -> None:
    assert network.extract(torch.full((1, 1, 28, 28), torch.nan)).isnan().any()


def test_a_changed_or_missing_file_is_never_loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def installed_at(path: Path | None) -> None:
        spec = None if path is None else SimpleNamespace(origin=str(path / "__init__.py"))
        monkeypatch.setattr("zoo_plugins.features.efficientnet_lite0.find_spec", lambda _name: spec)

    images = torch.zeros(1, 1, 28, 28)
    installed_at(None)
    with pytest.raises(InputError, match=r'not installed. Run pip install "gan-model-zoo\[metrics\]"$'):
        EfficientNetLite0().extract(images)
    installed_at(tmp_path)
    with pytest.raises(
        InputError, match=r"cannot be read \(No such file or directory\). Run pip install --force"
    ):
        EfficientNetLite0().extract(images)
    file = tmp_path / "models/efficientnet-lite0-57934424.pth"
    file.parent.mkdir()
    file.write_bytes(b"\x80\x02}.")
    with pytest.raises(
        IntegrityError, match=r"its sha256 is [0-9a-f]{12}\.\.\., and 579344248a93\.\.\. is needed"
    ):
        EfficientNetLite0().extract(images)


def test_its_package_is_not_imported(network: EfficientNetLite0) -> None:
    assert importlib.util.find_spec(PACKAGE) is not None
    assert network.protocol() == "efficientnet-lite0 (57934424), 224 x 224 antialiased bicubic, float32"
