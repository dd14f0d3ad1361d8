"""Any pretrained network of timm whose weights lie on the Hugging Face Hub as safetensors: `timm:NAME`."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field

from zoo.components import Features
from zoo.errors import (
    InputError,
    IntegrityError,
    did_you_mean,
    is_memory_error,
    kind_and_reason,
    reason_of,
)
from zoo.evaluation.resize import resized
from zoo.hookspecs import hookimpl
from zoo_plugins.hub_file import HubFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor, nn

FILE = "model.safetensors"
BYTES_LIMIT = 5 << 30


class Loaded(NamedTuple):
    """A network, what it takes, and what its weights are."""

    network: nn.Module
    side: int
    bicubic: bool
    mean: Tensor
    std: Tensor
    sha256: str
    licence: str


class Timm(Features):
    """A network of timm without its classifier: `timm:vit_small_patch14_dinov2.lvd142m` is DINOv2's smallest.

    DINOv2's features agree best with what people see (Stein et al. 2023, *Exposing flaws of generative model evaluation
    metrics*, arXiv:2306.04675). Each network has a licence of its own, which the protocol names. timm comes with the
    extra `networks`. Weights are read as safetensors only, never unpickled.
    """

    name: ClassVar[str] = "timm"
    argument: ClassVar[str | None] = "model"
    model: str = Field(
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)?$", max_length=100, description="what timm calls it"
    )

    def extract(self, images: Tensor) -> Tensor:
        """Return float32 (N, D) for images of any size, grey or in colour, resized to what the network was trained on.

        Raises:
            InputError: timm cannot be imported, knows no such network, or the images are of another kind.
            NetworkError: the Hub does not give its weights as safetensors.
            IntegrityError: what it gave does not fit the network.
        """
        loaded, device = self._loaded, images.device
        mode: Literal["bicubic", "bilinear"] = "bicubic" if loaded.bicubic else "bilinear"
        pixels = resized(images, loaded.side, mode, name=f"timm:{self.model}") / 2 + 0.5
        with torch.no_grad():
            found: Tensor = loaded.network.to(device)(
                (pixels - loaded.mean.to(device)) / loaded.std.to(device)
            )
        return found.float()

    def protocol(self) -> str:
        """Return the network, its licence, its weights and the resizing."""
        loaded = self._loaded
        how = "bicubic" if loaded.bicubic else "bilinear"
        return (
            f"timm:{self.model} ({loaded.licence}, {loaded.sha256[:8]}), "
            f"{loaded.side} x {loaded.side} antialiased {how}, float32"
        )

    @cached_property
    def _loaded(self) -> Loaded:
        timm = _timm()
        if not timm.is_model(self.model.partition(".")[0]):
            advice = did_you_mean(self.model, timm.list_models())
            raise InputError(f"timm:{self.model}: timm has no such network. {advice}")
        try:
            configuration = timm.get_pretrained_cfg(self.model)
        except RuntimeError:  # of weights that it does not know
            configuration = None
        if configuration is None or not configuration.hf_hub_id:
            known = timm.list_pretrained(f"{self.model.partition('.')[0]}*")
            raise InputError(
                f"timm:{self.model}: it has no weights on the Hub. {did_you_mean(self.model, known)}"
            )
        path = fetch(configuration.hf_hub_id)
        network = self._made(timm, path)
        takes: dict[str, Any] = timm.data.resolve_model_data_config(network)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Loaded(
            network.eval().requires_grad_(False),
            side=takes["input_size"][1],
            bicubic=takes["interpolation"] != "bilinear",
            mean=torch.tensor(takes["mean"]).view(3, 1, 1),
            std=torch.tensor(takes["std"]).view(3, 1, 1),
            sha256=sha256,
            licence=configuration.license or "no licence stated",
        )

    def _made(self, timm: Any, path: Path) -> nn.Module:
        try:
            # Made with its classifier: without, timm takes weights that lack, and leaves random ones in their place.
            made: nn.Module = timm.create_model(
                self.model, pretrained=True, pretrained_cfg_overlay={"file": str(path)}
            )
        except Exception as error:  # each of timm's families of networks reads weights in a way of its own
            if is_memory_error(error):
                raise
            raise IntegrityError(
                f"{path.resolve()}: it does not fit timm:{self.model} ({kind_and_reason(error)}). "
                "Delete it, and it is fetched again"
            ) from error
        made.reset_classifier(0)  # type: ignore[operator]
        return made


def _timm() -> Any:
    try:
        import timm
        import timm.data
    except (ImportError, RuntimeError) as error:  # the latter from a torchvision made for another torch
        raise InputError(
            f"timm: it cannot be imported ({reason_of(error)}). "
            'Run pip install "gan-model-zoo[networks]", with a torchvision of the same build as torch'
        ) from error
    return timm


def fetch(repo: str) -> Path:
    """Return the place of a network's weights in the Hub's own cache, downloading them at need; raises as that does."""
    other = "look through efficientnet-lite0, which needs none"
    lacking = "other files of weights are not read. Name another network"
    return HubFile(repo, FILE, "model", BYTES_LIMIT, other, lacking).fetch()


@hookimpl
def zoo_register_features() -> Iterable[type[Features]]:
    return [Timm]
