"""Networks whose weights come over the network: what is asked for, what is refused, and how it is said."""

from __future__ import annotations

import hashlib
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from zoo.errors import InputError, IntegrityError, NetworkError
from zoo.plugins.collect import load_registry
from zoo_plugins.features import inception, timm
from zoo_plugins.features.inception import Inception
from zoo_plugins.features.timm import Timm

if TYPE_CHECKING:
    import io
    from pathlib import Path

    from tests.support.cli_fixtures import Zoo

pytest_plugins = ["tests.support.cli_fixtures"]

IMAGES = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1


class Tiny(nn.Module):
    """Means of colours, each times a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.float().mean((2, 3)) * self.scale

    def reset_classifier(self, num_classes: int) -> None:
        assert num_classes == 0


@pytest.fixture
def fake_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package timm that knows one network, `tiny.v1`, trained on 16 pixels."""

    def create_model(name: str, pretrained: bool, pretrained_cfg_overlay: dict[str, str]) -> Tiny:
        assert (name, pretrained) == ("tiny.v1", True)
        network = Tiny()
        network.load_state_dict(load_file(pretrained_cfg_overlay["file"]))
        return network

    def get_pretrained_cfg(name: str) -> Any:
        if name != "tiny.v1":
            raise RuntimeError("Invalid pretrained tag")
        return SimpleNamespace(hf_hub_id="timm/tiny.v1", license="mit")

    package, data = ModuleType("timm"), ModuleType("timm.data")
    data.__dict__["resolve_model_data_config"] = lambda _network: {
        "input_size": (3, 16, 16),
        "interpolation": "bilinear",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.5, 1.0),
    }
    package.__dict__.update(
        data=data,
        create_model=create_model,
        get_pretrained_cfg=get_pretrained_cfg,
        is_model=lambda name: name == "tiny",
        list_models=lambda: ["tiny"],
        list_pretrained=lambda _pattern: ["tiny.v1"],
    )
    monkeypatch.setitem(sys.modules, "timm", package)
    monkeypatch.setitem(sys.modules, "timm.data", data)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the Hub gives."""
    path = tmp_path / "model.safetensors"
    save_file({"scale": torch.tensor([1.0, 2.0, 4.0])}, path)
    monkeypatch.setattr(timm, "fetch", lambda repo: path if repo == "timm/tiny.v1" else None)
    return path


@pytest.mark.usefixtures("fake_timm")
def test_a_network_of_timm_is_given_what_it_was_trained_on(weights: Path) -> None:
    tiny = load_registry().features("timm:tiny.v1", "here")
    mean = IMAGES.mean((1, 2, 3)) / 2
    assert tiny.extract(IMAGES)[:, 1:] == pytest.approx(torch.stack([4 * mean, 4 * mean], 1), abs=0.02)
    assert tiny.extract(IMAGES)[:, 0] == pytest.approx(4 * mean, abs=0.02)
    digits = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]
    assert tiny.protocol() == f"timm:tiny.v1 (mit, {digits}), 16 x 16 antialiased bilinear, float32"


@pytest.mark.usefixtures("fake_timm", "weights")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tinny.v1", "timm:tinny.v1: timm has no such network. There is tiny."),
        ("tiny.v2", "timm:tiny.v2: it has no weights on the Hub. Did you mean 'tiny.v1'?"),
    ],
)
def test_networks_that_timm_does_not_know_are_refused(name: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        Timm(model=name).protocol()
    assert str(caught.value) == said


@pytest.mark.usefixtures("fake_timm")
@pytest.mark.parametrize("damage", ["another", "cut"])
def test_weights_of_another_network_are_refused(weights: Path, damage: str) -> None:
    if damage == "another":
        save_file({"other": torch.zeros(3)}, weights)
    else:
        weights.write_bytes(weights.read_bytes()[:20])
    with pytest.raises(
        IntegrityError, match=r"model\.safetensors: it does not fit timm:tiny\.v1 \(.*Delete it"
    ):
        Timm(model="tiny.v1").extract(IMAGES)


@pytest.mark.parametrize("name", ["timm", "timm:", "timm:../x", "timm:hf-hub:x/y", "timm:A"])
def test_a_name_that_no_network_has_is_refused_at_once(name: str) -> None:
    with pytest.raises(InputError, match=r"^here: timm"):
        load_registry().features(name, "here")


def test_a_hub_that_cannot_be_reached_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        "huggingface_hub.get_hf_file_metadata", lambda *_a, **_k: (_ for _ in ()).throw(OSError("no\nroute."))
    )
    with pytest.raises(NetworkError) as caught:
        timm.fetch("timm/tiny.v1")
    assert str(caught.value) == (
        "timm/tiny.v1: http://127.0.0.1:9 did not give model.safetensors (no route). Check the network, or look "
        "through efficientnet-lite0, which needs none"
    )


@pytest.fixture
def fake_fidelity(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """A package torch_fidelity whose network shows what it was given."""
    given: list[torch.Tensor] = []

    class Network(Tiny):
        def __init__(self, _name: str, layers: list[str], feature_extractor_weights_path: io.BytesIO) -> None:
            super().__init__()
            assert layers == ["2048"]
            assert feature_extractor_weights_path.read() == b"weights"

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:  # type: ignore[override]
            given.append(x)
            return (super().forward(x),)

    module = ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.__dict__["FeatureExtractorInceptionV3"] = Network
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(b"weights").hexdigest())
    monkeypatch.setattr(inception, "URL", "http://127.0.0.1:9/weights.pth")
    return given


def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes | None) -> Path:
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    path = tmp_path / "features" / "weights.pth"
    path.parent.mkdir()
    if data is not None:
        path.write_bytes(data)
    return path


def test_inception_is_given_levels_of_three_colours(
    fake_fidelity: list[torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(tmp_path, monkeypatch, b"weights")
    seen = Inception().extract(torch.cat([IMAGES, torch.full((1, 1, 28, 28), torch.nan)]))
    (given,) = fake_fidelity
    assert given.dtype == torch.uint8
    assert torch.equal(given[:3, 2], ((IMAGES[:, 0] + 1) * 127.5).round().to(torch.uint8))
    assert seen.isnan().all(1).tolist() == [False, False, False, True]


@pytest.mark.usefixtures("fake_fidelity")
def test_inception_without_its_weights_says_where_they_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cached(tmp_path, monkeypatch, None)
    with pytest.raises(NetworkError) as caught:
        Inception().extract(IMAGES)
    assert str(caught.value) == (
        "inception: its weights cannot be had (127.0.0.1:9 cannot be reached (Connection refused)). Put "
        f"http://127.0.0.1:9/weights.pth at {path} yourself, or look through efficientnet-lite0, which needs no network"
    )
    assert caught.value.exit_code == 6


@pytest.mark.usefixtures("fake_fidelity")
def test_inception_never_loads_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cached(tmp_path, monkeypatch, b"other")
    with pytest.raises(IntegrityError) as caught:
        Inception().extract(IMAGES)
    assert str(caught.value).startswith(
        f"{path}: its sha256 is {hashlib.sha256(b'other').hexdigest()[:12]}..."
    )


@pytest.mark.parametrize("package", ["timm", "torch_fidelity"])
def test_without_their_packages_there_is_a_line_that_says_how_to_get_them(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    features = Inception() if package == "torch_fidelity" else Timm(model="resnet18")
    with pytest.raises(InputError, match=r'cannot be imported \(.*pip install "gan-model-zoo\[networks\]"'):
        features.extract(IMAGES)


def test_what_a_metric_lacks_is_said_before_the_first_step(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    table = 'metric={name="recall", features="inception"}'
    ran = zoo(
        "train", "camel-wgangp", "--set", "data.bundled=true", "--set", table, "--out", tmp_path / "run"
    )
    assert ran.code == 3
    assert ran.error.startswith("inception: torch-fidelity cannot be imported (")
    assert not (tmp_path / "run").exists()


def test_a_training_may_be_measured_through_a_network(zoo: Zoo, tmp_path: Path) -> None:
    pytest.importorskip("torchmetrics")
    run = tmp_path / "run"
    changes = [
        "data.bundled=true",
        'metric={name="kid", features="drawings"}',
        "training.batch_size=4",
        "training.critic_steps=1",
        "architecture.initial=[7,7,4]",
        "architecture.generator_upsample=[2,2]",
        "architecture.generator_strides=[1,1]",
        "architecture.generator_filters=[4,1]",
        "architecture.generator_kernels=[3,3]",
    ]
    words = [word for change in changes for word in ("--set", change)]
    ran = zoo("train", "camel-wgangp", "--steps", "1", *words, "--out", run)
    assert ran.code == 0, ran.err
    record = json.loads((run / "run.json").read_text("utf-8"))
    assert record["protocol"] == (
        "kernel distance x 1e3, cubic kernel, float64, all at once up to 2000 images, "
        "else 100 subsets of 1000, seed 0; "
        f"{load_registry().features('drawings', 'here').protocol()}; "
        "1024 generated against 100 training images (too few to hold any out)"
    )
    training = json.loads((run / "generator" / "config.json").read_text("utf-8"))["training"]
    assert (training["metric"], training["protocol"]) == ("kid", record["protocol"])
    assert training["value"] > 100
