"""What is said where there is little to learn from, and nothing where there is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo
from zoo.data.variety import ADVICE, too_little
from zoo.images import Images
from zoo_plugins.datasets.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def noise(count: int, side: int = 6) -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (count, 3, side, side), np.uint8)


def said(pixels: NDArray[np.uint8], batch: int, *, augmented: bool = False) -> str | None:
    line = too_little(Images(pixels, "unknown", "mine"), batch, augmented=augmented)
    if line is None:
        return None
    assert line.startswith("mine: there is little to learn from: ")
    assert line.endswith(f". {ADVICE}")
    return line[len("mine: there is little to learn from: ") : -len(ADVICE) - 2]


@pytest.mark.parametrize(
    ("count", "augmented", "reason"),
    [
        (1, False, "1 image for batches of 64"),
        (5, False, "5 images for batches of 64"),
        (63, True, "63 images for batches of 64"),
        (64, True, None),
        (639, False, "639 images for batches of 64"),
        (640, False, None),
    ],
)
def test_too_few_for_a_batch(count: int, augmented: bool, reason: str | None) -> None:
    assert said(noise(count), 64, augmented=augmented) == reason


def test_copies_are_counted_and_named() -> None:
    pixels = noise(100)
    pixels[[7, 30]] = pixels[2]
    assert said(pixels, 4) == "2 of 100 the same as another (images[7] as images[2])"
    assert said(pixels[:7], 7, augmented=True) is None
    same = np.repeat(noise(1), 200, axis=0)
    assert (
        said(same, 8) == "1 image for batches of 8, 199 of 200 the same as another (images[1] as images[0])"
    )


def test_a_copy_among_thousands_is_not_worth_a_word() -> None:
    pixels = noise(2001, 4)
    pixels[1] = pixels[0]
    assert said(pixels, 4) is None
    pixels[2:4] = pixels[0]
    assert said(pixels, 4) == "3 of 2001 the same as another (images[1] as images[0])"


def test_pictures_of_one_colour_are_counted() -> None:
    pixels = noise(100)
    pixels[5], pixels[9] = 0, np.array([1, 2, 3], np.uint8)[:, None, None]
    assert said(pixels, 4) == "2 of 100 of one colour (images[5])"
    black = np.zeros((200, 1, 6, 6), np.uint8)
    assert said(black, 4) == (
        "1 image for batches of 4, 199 of 200 the same as another (images[1] as images[0]), "
        "200 of 200 of one colour (images[0])"
    )


def test_pictures_that_are_nearly_the_same_are_said() -> None:
    pixels = np.repeat(noise(1) // 2, 100, axis=0)
    pixels += np.random.default_rng(1).integers(0, 3, pixels.shape, np.uint8)
    assert said(pixels, 4) == "all nearly the same, 0.8 levels of 255 from their mean"


def test_a_training_says_it_once_with_the_files_names(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    folder = tmp_path / "few"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(noise(1, 28)[0].transpose(1, 2, 0)).save(folder / name)
    run = zoo.train(str(tiny), steps=1, data=str(folder), out=tmp_path / "run")
    warnings = [line for line in capsys.readouterr().err.splitlines() if "little to learn" in line]
    assert warnings == [
        "zoo: warning: few: there is little to learn from: 1 image for batches of 8, "
        f"2 of 3 the same as another (b.png as a.png). {ADVICE}"
    ]
    zoo.resume(run, steps=2)
    assert "little to learn" not in capsys.readouterr().err
    assert Folder(path=str(folder), size=(28, 28), channels=1).images().names == ["a.png", "b.png", "c.png"]
