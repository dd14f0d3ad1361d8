"""The network of the figures in papers: Inception v3 of 2015, as torch-fidelity converted it."""

from __future__ import annotations

import hashlib
import io
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import torch

from zoo.components import Features
from zoo.errors import InputError, IntegrityError, NetworkError
from zoo.evaluation.resize import in_colour
from zoo.hookspecs import hookimpl
from zoo.system.cache import cache_folder
from zoo.system.download import download
from zoo.system.regular_files import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor, nn

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
BYTES_LIMIT = 95_628_359


class Inception(Features):
    """Inception v3's last pooled layer, 2,048 numbers: what papers mean by FID and KID.

    Its weights (96 MB, Apache-2.0) are fetched once from torch-fidelity's releases. torch-fidelity comes with the extra
    `networks`.
    """

    name: ClassVar[str] = "inception"
    paper: ClassVar[str] = (
        "Szegedy et al., *Rethinking the Inception Architecture for Computer Vision*, 2016, arXiv:1512.00567"
    )

    def extract(self, images: Tensor) -> Tensor:
        """Return float32 (N, 2048) for images of any size, grey or in colour, rounded to 256 levels as papers' are.

        Raises:
            InputError: torch-fidelity cannot be imported, or the images are of another kind.
            NetworkError: the weights cannot be fetched.
            IntegrityError: what was fetched is not the file that figures are compared by.
        """
        levels = in_colour(images, name=self.name).add(1).mul(127.5).round().clamp(0, 255)
        missing = ~levels.isfinite().flatten(1).all(1)
        with torch.no_grad():
            found: Tensor = self._network.to(images.device)(levels.nan_to_num().to(torch.uint8))[0]
        return found.float().masked_fill(missing[:, None], torch.nan)

    def protocol(self) -> str:
        """Return the network, its weights and the resizing."""
        return f"inception 2015-12-05 ({SHA256[:8]}), 299 x 299 bilinear as in TensorFlow 1, not antialiased, float32"

    @cached_property
    def _network(self) -> nn.Module:
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except (ImportError, RuntimeError) as error:  # the latter from a torchvision made for another torch
            raise InputError(
                f"inception: torch-fidelity cannot be imported ({error}). "
                'Run pip install "gan-model-zoo[networks]", with a torchvision of the same build as torch'
            ) from error
        # It unpickles what it is given, so it is given bytes whose hash is known, not a path.
        weights = io.BytesIO(_weights())
        network: nn.Module = FeatureExtractorInceptionV3(
            "inception", ["2048"], feature_extractor_weights_path=weights
        )
        return network.eval()


def _weights() -> bytes:
    """Return the file of weights from the cache, fetched where it is not there."""
    path: Path = cache_folder("features") / URL.rpartition("/")[2]
    try:
        download(URL, path, what="the weights of inception", most=BYTES_LIMIT)
    except NetworkError as error:
        raise NetworkError(
            f"inception: its weights cannot be had ({str(error).rpartition('. ')[0]}). Put {URL} at {path} yourself, "
            "or look through efficientnet-lite0, which needs no network"
        ) from error
    data = read_regular(path, BYTES_LIMIT)
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise IntegrityError(
            f"{path}: its sha256 is {found[:12]}..., and {SHA256[:12]}... is needed. Delete it, and it is fetched again"
        )
    return data


@hookimpl
def zoo_register_features() -> Iterable[type[Features]]:
    return [Inception]
