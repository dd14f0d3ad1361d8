"""From a generator folder to a network: what is checked, and whose architecture it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import save

from tests.support.hub.folder import make_config
from zoo.errors import IntegrityError, UsageError
from zoo.generators.config import Provider
from zoo.generators.files import CONFIG, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.runs.generator.network import load_generator
from zoo_plugins.architectures.dcgan import Dcgan

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli_fixtures import Plugins

pytest_plugins = ["tests.support.cli_fixtures"]

RIVAL = """
from zoo.components import Architecture
from zoo.hookspecs import hookimpl

class Rival(Architecture):
    name = "dcgan"
    image_shape = (1, 1, 1)
    def generator(self): raise AssertionError("the rival was asked")
    def critic(self): raise AssertionError("the rival was asked")

@hookimpl
def zoo_register_architectures():
    return [Rival]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A generator folder with a small network's weights."""
    path = tmp_path / "generator"
    GeneratorFolder.write(path, {WEIGHTS: save(network().state_dict())}, make_config())
    return path


def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return Dcgan(latent_dim=3).generator()


def refused(folder: Path) -> str:
    with pytest.raises(IntegrityError) as caught:
        load_generator(GeneratorFolder.open(folder))
    return str(caught.value)


def test_the_weights_come_back_equal_and_in_eval_mode(folder: Path) -> None:
    loaded = load_generator(GeneratorFolder.open(folder))
    assert not loaded.training
    assert all(torch.equal(value, loaded.state_dict()[key]) for key, value in network().state_dict().items())


def test_listed_garbage_is_refused(folder: Path) -> None:
    GeneratorFolder.open(folder).add_files({WEIGHTS: b"garbage, garbage"})
    assert refused(folder) == (
        f"{folder / WEIGHTS}: its header has 3199076778277757287 bytes, and at most 1048576 are read. "
        "Get the generator again"
    )


def test_weights_that_nobody_listed_are_not_loaded(folder: Path) -> None:
    GeneratorFolder.write(folder, {}, GeneratorFolder.open(folder).config.model_copy(update={"files": {}}))
    assert refused(folder) == f"{folder / CONFIG}: it lists no {WEIGHTS}. Get the generator again"


def test_another_size_is_told_without_hashing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (folder / WEIGHTS).stat().st_size
    with (folder / WEIGHTS).open("ab") as file:
        file.write(b"!")
    monkeypatch.setattr("zoo.generators.folder.sha256_of", lambda _: pytest.fail("hashed"))
    with pytest.raises(IntegrityError) as caught:
        GeneratorFolder.open(folder).verify()
    assert str(caught.value) == (
        f"{folder / WEIGHTS}: it has {size + 1} bytes, config.json says {size}. Get the generator again"
    )


def test_a_rival_of_the_architecture_is_not_in_the_way(folder: Path, others: Plugins) -> None:
    others.add("zoo-rival", RIVAL)
    assert load_generator(GeneratorFolder.open(folder)).state_dict().keys() == network().state_dict().keys()


def test_an_architecture_that_is_not_installed_is_named_with_who_brings_it(folder: Path) -> None:
    config = GeneratorFolder.open(folder).config
    theirs = Provider(distribution="zoo-unet", version="2.1")
    record = config.architecture.model_copy(update={"name": "unet", "provider": theirs})
    GeneratorFolder.write(folder, {}, config.model_copy(update={"architecture": record}))
    with pytest.raises(UsageError) as caught:
        load_generator(GeneratorFolder.open(folder))
    assert str(caught.value) == (
        f"{folder}: it needs architecture 'unet' from zoo-unet 2.1. Install that "
        f"({folder}: unet: there is no such architecture. There is dcgan.)"
    )


def test_what_the_configuration_asks_for_is_compared_before_it_takes_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = GeneratorFolder.open(folder).config
    fields = {**config.architecture.fields, "generator_kernels": [63, 5, 5, 5]}
    architecture = config.architecture.model_copy(update={"fields": fields})
    data = (folder / WEIGHTS).read_bytes()
    GeneratorFolder.write(folder, {WEIGHTS: data}, config.model_copy(update={"architecture": architecture}))

    def never(weight: torch.Tensor, *_: object) -> torch.Tensor:
        assert weight.device.type == "meta", "a network was made that the file does not fit"
        return weight

    monkeypatch.setattr(torch.nn.init, "normal_", never)
    assert refused(folder) == (
        f"{folder / WEIGHTS}: it does not fit dcgan: its tensor 'body.0.weight' is F32 of 128 x 64 x 5 x 5, and "
        f"{CONFIG} asks for F32 of 128 x 64 x 63 x 63. Get the generator again"
    )
