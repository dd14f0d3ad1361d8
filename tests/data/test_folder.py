"""Folders and zips of images: every size and format, bad ones among good ones, and what is refused."""

from __future__ import annotations

import io
import os
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

import zoo_plugins.datasets.folder
from zoo.errors import InputError
from zoo.system.cache import cache_folder
from zoo_plugins.datasets.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def picture(colour: object = RED, size: tuple[int, int] = (20, 20), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def one_pixel(folder: Path) -> tuple[int, ...]:
    """Return the one colour of the folder's one image."""
    pixels = Folder(path=str(folder), size=(8, 8)).images().pixels[:]
    assert len(pixels) == 1
    colours = np.unique(pixels[0].reshape(3, -1), axis=1)
    assert colours.shape[1] == 1
    return tuple(int(value) for value in colours[:, 0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    return place


def test_all_images_below_a_folder_come_in_the_order_of_their_names(folder: Path) -> None:
    (folder / "b" / "deep").mkdir(parents=True)
    picture(GREEN, (30, 40)).save(folder / "b" / "deep" / "1.bmp")
    picture(BLUE, (9, 99)).save(folder / "c.webp", lossless=True)
    picture(RED).save(folder / "a.PNG")
    for name in ("notes.txt", ".hidden.png", "no_ending", "script.eps"):
        (folder / name).write_bytes(b"text")
    (folder / "folder.png").mkdir()
    images = Folder(path=str(folder), size=(12, 16)).images()
    assert images.pixels.shape == (3, 3, 12, 16)
    assert [tuple(pixel) for pixel in images.pixels[:, :, 5, 5]] == [RED, GREEN, BLUE]
    assert (images.licence, images.source) == ("unknown", "pictures")
    assert images.warnings == (
        "pictures: 4 of 7 files are left out: 3 of another kind (no_ending), 1 hidden (.hidden.png)",
    )


def test_a_zip_is_the_same_as_its_folder(folder: Path) -> None:
    with zipfile.ZipFile(folder / "all.ZIP", "w") as archive:
        archive.writestr("/a.png", encoded(picture(RED)))
        archive.writestr("../../evil.png", encoded(picture(GREEN)))
        archive.writestr("__MACOSX/a.png", b"no image")
        archive.writestr("inner/b.jpg", encoded(picture(BLUE), "BMP"))
        archive.writestr("readme.md", "hello")
    images = Folder(path=str(folder / "all.ZIP"), size=(8, 8)).images()
    assert [tuple(pixel) for pixel in images.pixels[:, :, 0, 0]] == [RED, BLUE]
    assert images.source == "all.ZIP"
    assert images.warnings == (
        "all.ZIP: 2 of 4 files are left out: 1 hidden (../../evil.png), 1 of another kind (readme.md)",
    )
    assert not list(folder.parent.rglob("evil.png"))


def test_the_middle_is_cut_out_and_the_short_side_fits(folder: Path) -> None:
    wide = Image.new("RGB", (90, 30), RED)
    wide.paste(GREEN, (30, 0, 60, 30))
    wide.save(folder / "wide.png")
    pixels = Folder(path=str(folder), size=(10, 10)).images().pixels[:]
    # Sharpening rings over three pixels from either edge.
    assert (pixels[0, :, :, 3:7] == np.array(GREEN)[:, None, None]).all()


def test_pictures_are_turned_upright(folder: Path) -> None:
    sideways = Image.new("RGB", (40, 40), RED)
    sideways.paste(BLUE, (0, 0, 20, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored as the camera lay; shown turned clockwise by a quarter
    sideways.save(folder / "phone.png", exif=exif)
    pixels = Folder(path=str(folder), size=(40, 40)).images().pixels[0]
    assert tuple(pixels[:, 5, 20]) == BLUE
    assert tuple(pixels[:, 35, 20]) == RED


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (picture(100, mode="L"), (100, 100, 100)),
        (picture(1, mode="1"), (255, 255, 255)),
        (picture((10, 20, 30, 255), mode="RGBA"), (10, 20, 30)),
        (picture((10, 20, 30, 0), mode="RGBA"), (255, 255, 255)),
        (picture((50, 0), mode="LA"), (255, 255, 255)),
        (picture(257 * 100, mode="I;16"), (100, 100, 100)),
        (picture(GREEN).convert("P"), GREEN),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_every_mode_becomes_colour(folder: Path, image: Image.Image, colour: tuple[int, ...]) -> None:
    image.save(folder / "a.png")
    assert one_pixel(folder) == colour


def test_grey_is_made_of_colour(folder: Path) -> None:
    picture(GREEN).save(folder / "a.png")
    pixels = Folder(path=str(folder), size=(4, 4), channels=1).images().pixels[:]
    assert pixels.shape == (1, 1, 4, 4)
    assert (pixels == 150).all()


def test_the_first_frame_of_an_animation_counts(folder: Path) -> None:
    picture(RED).save(folder / "a.gif", save_all=True, append_images=[picture(BLUE)])
    assert one_pixel(folder) == RED


def test_one_corrupt_image_is_left_out_and_named_each_time(folder: Path) -> None:
    picture().save(folder / "a.png")
    (folder / "b.png").write_bytes(encoded(picture())[:40])
    (folder / "c.jpg").write_bytes(encoded(picture()))
    for _ in range(2):
        images = Folder(path=str(folder)).images()
        assert len(images) == 2
        assert len(images.warnings) == 1
        assert images.warnings[0].startswith("pictures: 1 of 3 files is left out: 1 damaged (b.png: ")


def test_many_corrupt_images_are_counted(folder: Path) -> None:
    picture().save(folder / "a.png")
    for name in ("b.png", "c.jpg", "d.gif"):
        (folder / name).write_bytes(b"this is text")
    images = Folder(path=str(folder)).images()
    assert images.warnings == ("pictures: 3 of 4 files are left out: 3 damaged (b.png: it is no image)",)


def test_an_encrypted_or_damaged_member_is_left_out(folder: Path) -> None:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", encoded(picture()))
        archive.writestr("b.png", encoded(picture(BLUE, (33, 33))))
    data = bytearray(path.read_bytes())
    data[data.index(b"IHDR", data.index(b"b.png")) + 9] ^= 1
    path.write_bytes(data)
    images = Folder(path=str(path)).images()
    assert len(images) == 1
    assert images.warnings == (
        "all.zip: 1 of 2 files is left out: 1 damaged (b.png: Bad CRC-32 for file 'b.png')",
    )


def test_images_are_decoded_once_and_again_when_something_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(RED).save(folder / "a.png")
    first = Folder(path=str(folder)).images()
    with monkeypatch.context() as patch:
        patch.setattr(zoo_plugins.datasets.folder, "decode", lambda *_: pytest.fail("decoded again"))
        assert Folder(path=str(folder)).images().fingerprint == first.fingerprint
    assert Folder(path=str(folder), size=(8, 8)).images().shape == (3, 8, 8)
    picture(BLUE).save(folder / "a.png")
    os.utime(folder / "a.png", ns=(1, 1))
    assert one_pixel(folder) == BLUE


def test_it_answers_for_folders_and_zips_in_the_shape_that_is_asked_for(tmp_path: Path) -> None:
    assert Folder.at(tmp_path, (1, 28, 20)) == Folder(path=str(tmp_path), size=(28, 20), channels=1)
    assert Folder.at(tmp_path / "a.Zip", (3, 64, 64)) == Folder(path=str(tmp_path / "a.Zip"))
    assert Folder.at(tmp_path / "a.npy", (3, 64, 64)) is None


@pytest.mark.parametrize("size", [(0, 8), (8, 5000), (8,)])
def test_sizes_out_of_range_are_refused(size: object) -> None:
    with pytest.raises(ValidationError, match="size"):
        Folder.model_validate({"path": "x", "size": size})


def test_what_holds_no_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    cut = tmp_path / "cut.zip"
    cut.write_bytes((tmp_path / "empty.zip").read_bytes()[:-3])
    advice = "it holds no images. Give a folder or .zip of .png, .jpg or the like"
    messages = {
        tmp_path: "3 of 3 files are left out: 2 archives, which must be unpacked first (cut.zip), "
        "1 of another kind (notes.txt). Give a folder or .zip of .png, .jpg or the like",
        tmp_path / "empty.zip": advice,
        tmp_path / "missing": "there is no such folder or file. Give a folder or a .zip",
        tmp_path / "notes.txt": "it is neither a folder nor a .zip. Give one of the two",
        cut: "it is neither a folder nor a .zip. Give one of the two",
    }
    for path, message in messages.items():
        with pytest.raises(InputError) as caught:
            Folder(path=str(path)).images()
        assert str(caught.value) == f"{path}: {message}"


def test_a_folder_of_corrupt_images_only_is_refused_each_time(folder: Path) -> None:
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(b"text")
    for _ in range(2):
        with pytest.raises(InputError) as caught:
            Folder(path=str(folder)).images()
        assert (
            str(caught.value)
            == f"{folder}: of its 2 images none can be read: the first, a.png: it is no image. Give others"
        )
        assert list(cache_folder("folder").iterdir()) == []
