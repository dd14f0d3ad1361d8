"""CIFAR-10 and CelebA: decoded from parquet files made here; without network or pyarrow one line says what to do."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

import zoo_plugins.datasets.hub
from tests.decoding.encoded import png
from tests.support.documents import PAGES
from tests.support.loopback import closed_port
from zoo.errors import InputError
from zoo.plugins.registry import validated
from zoo_plugins.datasets.celeba import SOURCE, CelebA
from zoo_plugins.datasets.cifar10 import CATEGORIES, Cifar10

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

pyarrow = pytest.importorskip("pyarrow")


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(path: Path, column: str, images: Sequence[bytes], labels: Sequence[int] | None) -> None:
    from pyarrow import parquet

    columns: dict[str, object] = {column: [{"bytes": data, "path": None} for data in images]}
    if labels is not None:
        columns["label"] = list(labels)
    parquet.write_table(pyarrow.table(columns), path)


class FakeHub:
    """Stands where the Hub's client is called, and keeps what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str]] = []

    def fetch(self, repo: str, file: str) -> Path:
        self.asked.append((repo, file))
        return self.folder / Path(file).name


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    hub = FakeHub(tmp_path)
    monkeypatch.setattr(zoo_plugins.datasets.hub, "fetch", hub.fetch)
    return hub


@pytest.fixture
def pixels(hub: FakeHub) -> NDArray[np.uint8]:
    """300 random 32 x 32 images of which every tenth is a horse, in the file of CIFAR-10."""
    pixels = np.random.default_rng(1).integers(0, 256, (300, 32, 32, 3), np.uint8)
    labels = [number % 10 for number in range(300)]
    file = hub.folder / "train-00000-of-00001.parquet"
    write_parquet(file, "img", [encoded(image) for image in pixels], labels)
    return pixels


def test_cifar10_gives_all_images_with_their_labels(hub: FakeHub, pixels: NDArray[np.uint8]) -> None:
    images = Cifar10().images()
    assert np.array_equal(images.pixels[:], pixels.transpose(0, 3, 1, 2))
    assert images.labels is not None
    assert images.labels.tolist() == [number % 10 for number in range(300)]
    assert (images.licence, images.source) == ("unknown", "https://huggingface.co/datasets/uoft-cs/cifar10")
    assert hub.asked == [("uoft-cs/cifar10", "plain_text/train-00000-of-00001.parquet")]


def test_cifar10_gives_one_category(pixels: NDArray[np.uint8]) -> None:
    images = Cifar10(category="horse").images()
    assert CATEGORIES[7] == "horse"
    assert np.array_equal(images.pixels[:], pixels[7::10].transpose(0, 3, 1, 2))
    assert images.labels is None


@pytest.mark.usefixtures("pixels")
def test_a_set_is_fetched_and_decoded_once(hub: FakeHub) -> None:
    first = Cifar10(category="horse").images().fingerprint
    assert Cifar10(category="horse").images().fingerprint == first
    assert len(hub.asked) == 1


def test_a_decoding_that_fails_leaves_no_images_behind(hub: FakeHub) -> None:
    good = encoded(np.zeros((32, 32, 3), np.uint8))
    file = hub.folder / "train-00000-of-00001.parquet"
    write_parquet(file, "img", [good, b"no image"], [0, 1])
    with pytest.raises(
        InputError, match=r"^image 2 of the set: it cannot be decoded \(cannot identify image"
    ):
        Cifar10().images()
    write_parquet(file, "img", [good, good], [0, 1])
    assert len(Cifar10().images()) == 2


def test_celeba_cuts_the_middle_and_fetches_no_more_than_the_limit_takes(hub: FakeHub) -> None:
    for part, file in enumerate(SOURCE.files):
        faces = [np.full((218, 178, 3), 10 * (2 * part + face + 1), np.uint8) for face in range(2)]
        for face in faces:
            face[:10] = face[-10:] = 255
        write_parquet(hub.folder / Path(file).name, "image", [encoded(face) for face in faces], None)
    images = CelebA(limit=3).images()
    assert images.shape == (3, 64, 64)
    assert [int(image.max()) for image in images.pixels[:]] == [10, 20, 30]
    assert [int(image.min()) for image in images.pixels[:]] == [10, 20, 30]
    assert [file for _, file in hub.asked] == list(SOURCE.files[:2])
    assert (images.licence, images.labels) == ("other", None)
    assert CelebA(size=32).images().pixels.shape == (6, 3, 32, 32)


def test_a_file_of_another_kind_is_refused(hub: FakeHub) -> None:
    file = hub.folder / "train-00000-of-00001.parquet"
    message = f"{file}: it is no parquet file with the columns img, label. Delete it, and it is fetched again"
    file.write_bytes(b"this is no parquet file")
    with pytest.raises(InputError) as caught:
        Cifar10().images()
    assert str(caught.value) == message
    write_parquet(file, "picture", [b""], [0])
    with pytest.raises(InputError) as caught:
        Cifar10().images()
    assert str(caught.value) == message


def test_a_parquet_file_is_bounded_in_rows_and_in_what_it_unpacks_to(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = hub.folder / "train-00000-of-00001.parquet"
    good = encoded(np.zeros((32, 32, 3), np.uint8))
    write_parquet(file, "img", [good + bytes(9000)] * 40, list(range(40)))
    group = pyarrow.parquet.ParquetFile(file).metadata.row_group(0).total_byte_size
    assert group > 9000
    monkeypatch.setattr(zoo_plugins.datasets.hub, "GROUP_TIMES", 0)
    for name, most, message in (
        ("ROWS_LIMIT", 40, "it has 40 rows, at most 39 are read"),
        (
            "GROUP_LIMIT",
            group,
            f"a group of its rows unpacks to {group:,} bytes, at most {group - 1:,} are read",
        ),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(zoo_plugins.datasets.hub, name, most - 1)
            with pytest.raises(InputError) as caught:
                Cifar10().images()
            assert str(caught.value) == f"{file}: {message}. Delete it, and it is fetched again"
    monkeypatch.setattr(zoo_plugins.datasets.hub, "ROWS_LIMIT", 40)
    monkeypatch.setattr(zoo_plugins.datasets.hub, "GROUP_LIMIT", group)
    assert len(Cifar10().images()) == 40


def test_a_picture_over_a_limit_in_a_parquet_file_is_refused(hub: FakeHub) -> None:
    bomb = png((30_000, 30_000), 8, 0, bytes(30_000), rows=1)
    write_parquet(hub.folder / "train-00000-of-00001.parquet", "img", [bomb], [0])
    with pytest.raises(InputError, match=r"^image 1 of the set: it cannot be decoded \(Image size"):
        Cifar10().images()


@pytest.mark.usefixtures("hub")
def test_without_pyarrow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError) as caught:
        Cifar10().images()
    assert str(caught.value) == (
        'uoft-cs/cifar10: pyarrow is not installed, and this needs it. Run pip install "gan-model-zoo[data]"'
    )
    advice = str(caught.value).partition("Run pip install ")[2]
    assert f"pip install -c constraints.txt {advice}" in PAGES["docs/training.md"].text


def test_an_unknown_category_is_refused_with_the_near_one() -> None:
    with pytest.raises(InputError) as caught:
        validated(Cifar10, {"category": "hores"}, "mine.toml [data]", "cifar10")
    assert str(caught.value) == (
        "mine.toml [data]: cifar10.category: 'hores' is no category of CIFAR-10 (Did you mean 'horse'?). Change it"
    )


def test_without_the_hub_one_line_says_what_to_do(tmp_path: Path) -> None:
    """In a process of its own: the client reads where the Hub is when it is imported."""
    endpoint = f"http://127.0.0.1:{closed_port()}"
    program = """
from zoo_plugins.datasets.celeba import CelebA

try:
    CelebA().images()
except Exception as error:
    print(type(error).__name__, error)
"""
    environment = {
        **os.environ,
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    result = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout == (
        f"NetworkError nielsr/CelebA-faces: {endpoint} did not give data/train-00000-of-00003.parquet "
        "([Errno 111] Connection refused). Check the network, or give images of your own with --data PATH\n"
    )
