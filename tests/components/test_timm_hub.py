"""Weights of timm's networks from a Hub on this machine, by the real client; where timm is installed by timm itself."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
import torch
from huggingface_hub import HfApi, constants
from safetensors.torch import save

from zoo.errors import InputError, IntegrityError, NetworkError
from zoo_hub.server.hub import LocalHub
from zoo_plugins.datasets import hub as datasets
from zoo_plugins.features import timm as features
from zoo_plugins.features.timm import Timm, fetch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Push = Callable[[str, bytes, str], None]

# The client's own, as it sends a file.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")
NAME, OTHER = "test_resnet.r160_in1k", "test_vit.r160_in1k"
"""The smallest networks that timm knows."""
IMAGES = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.fixture
def push(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Push]:
    """A Hub that this process asks, with an empty cache; the function puts a file into a repository of timm's."""
    with LocalHub(tmp_path / "hub", {"hf_timm": "timm"}) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        api = HfApi(endpoint=hub.url, token="hf_timm")

        def put(name: str, content: bytes, file: str = features.FILE) -> None:
            api.create_repo(f"timm/{name}", exist_ok=True)
            api.upload_file(path_or_fileobj=content, path_in_repo=file, repo_id=f"timm/{name}")

        yield put


def test_weights_are_fetched_once(push: Push, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = save({"scale": torch.ones(3)})
    push(NAME, content, features.FILE)

    path = fetch(f"timm/{NAME}")
    assert path.read_bytes() == content
    assert path.is_relative_to(tmp_path / "cache")
    assert (
        f"timm/{NAME}: fetching model.safetensors, 0.0 MB, from http://127.0.0.1:" in capfd.readouterr().err
    )
    assert fetch(f"timm/{NAME}") == path
    assert "fetching" not in capfd.readouterr().err


def test_a_damaged_file_is_fetched_again_when_it_was_deleted(push: Push) -> None:
    push(NAME, save({"scale": torch.ones(3)}), features.FILE)
    fetch(f"timm/{NAME}").resolve().unlink()

    assert fetch(f"timm/{NAME}").stat().st_size > 0


def test_a_repository_that_is_missing_is_said_in_one_line(push: Push) -> None:  # noqa: ARG001
    with pytest.raises(NetworkError) as caught:
        fetch(f"timm/{NAME}")
    assert str(caught.value) == (
        f"timm/{NAME}: {constants.ENDPOINT} has no such repository, or it is private. Check HF_ENDPOINT and HF_TOKEN"
    )


def test_weights_in_another_format_are_not_read(push: Push) -> None:
    push(NAME, b"pickled", "pytorch_model.bin")
    with pytest.raises(NetworkError) as caught:
        fetch(f"timm/{NAME}")
    assert str(caught.value) == (
        f"timm/{NAME}: it has no model.safetensors, and other files of weights are not read. Name another network"
    )


def test_a_file_that_is_too_large_is_not_fetched(push: Push, monkeypatch: pytest.MonkeyPatch) -> None:
    push(NAME, b"weights", features.FILE)
    monkeypatch.setattr(features, "BYTES_LIMIT", 6)
    with pytest.raises(InputError) as caught:
        fetch(f"timm/{NAME}")
    assert str(caught.value) == (
        f"timm/{NAME}: model.safetensors has 7 bytes, at most 6 are fetched. Take another, or look through "
        "efficientnet-lite0, which needs none"
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "EntryNotFoundError",
            "it has no a.parquet, and its images were there. Take another set, or give images of",
        ),
        ("GatedRepoError", r"only its owner can let you in. Ask at \S+/me/set, then set HF_TOKEN"),
        (
            "OSError",
            r"\S+ did not give a.parquet \(it is late\). Check the network, or give images of your own with",
        ),
    ],
)
def test_a_data_set_that_cannot_be_had_is_said_as_a_network_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str, said: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise type(error, (Exception,), {})("it is late.")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", fail)
    with pytest.raises(NetworkError, match=f"^me/set: {said}"):
        datasets.fetch("me/set", "a.parquet")


def test_a_client_that_is_offline_says_which_variable_does_it(
    push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(NAME, b"weights", features.FILE)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(NetworkError, match=r"HF_HUB_OFFLINE is set and the cache has no copy of model\.safe"):
        fetch(f"timm/{NAME}")


def test_timm_itself_sees_through_weights_of_a_hub(push: Push) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(3)
    network = timm.create_model(NAME.partition(".")[0], pretrained=False)
    content = save(network.state_dict())
    push(NAME, content, features.FILE)

    seen = Timm(model=NAME)
    network.reset_classifier(0)
    pixels = torch.nn.functional.interpolate(IMAGES, (160, 160), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(network.default_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        expected = network.eval()((pixels.expand(-1, 3, -1, -1) / 2 + 0.5 - mean) / std)
    torch.testing.assert_close(seen.extract(IMAGES), expected)
    digits = hashlib.sha256(content).hexdigest()[:8]
    assert seen.protocol() == f"timm:{NAME} (apache-2.0, {digits}), 160 x 160 antialiased bilinear, float32"


def test_timm_does_not_put_random_weights_in_place_of_those_that_lack(push: Push) -> None:
    timm = pytest.importorskip("timm")
    push(OTHER, save(timm.create_model(NAME.partition(".")[0], pretrained=False).state_dict()), features.FILE)
    with pytest.raises(IntegrityError, match=rf"it does not fit timm:{OTHER} \(RuntimeError: .*Missing key"):
        Timm(model=OTHER).extract(IMAGES)
