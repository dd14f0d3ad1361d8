"""Every mode that Pillow knows: the right value, or left out in words that name it."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

import zoo.decoding.profile
import zoo.decoding.upright
from tests.decoding.encoded import ADOBE_RGB, DISPLAY_P3, decoded, encoded, flat, only_colour, png, profile
from zoo.decoding.limits import PictureError

WHITE = (255, 255, 255)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize(
    ("image", "kind", "colour"),
    [
        (flat("F", 0.0), "TIFF", (0, 0, 0)),
        (flat("F", 0.2), "TIFF", (51, 51, 51)),
        (flat("F", 0.5), "TIFF", (128, 128, 128)),
        (flat("F", 1.0), "TIFF", WHITE),
        (flat("F", 1.001), "TIFF", WHITE),
        (flat("F", 0.2), "IM", (51, 51, 51)),
        (flat("I;16", 25700), "TIFF", (100, 100, 100)),
        (flat("I;16B", 25700), "TIFF", (100, 100, 100)),
        (flat("I;16", 25700), "PPM", (100, 100, 100)),
        (flat("I;16L", 25700), "IM", (100, 100, 100)),
        (flat("CMYK", (10, 200, 30, 0)), "TIFF", (245, 55, 225)),
        (flat("CMYK", (10, 200, 30, 0)), "IM", (245, 55, 225)),
        (flat("YCbCr", (128, 128, 128)), "TIFF", (128, 128, 128)),
        (flat("LAB", (128, 188, 128)), "TIFF", (206, 63, 122)),
        (flat("LA", (100, 128)), "IM", (177, 177, 177)),
        (flat("LA", (100, 128)), "TIFF", (177, 177, 177)),
        (flat("RGBA", (10, 20, 30, 0)), "TIFF", WHITE),
        (flat("RGBX", (10, 20, 30, 0)), "IM", (10, 20, 30)),
        (flat("RGBA", (10, 20, 30, 0)).convert("PA"), "IM", WHITE),
        (flat("1", 1), "TIFF", WHITE),
        (flat("1", 1), "XBM", WHITE),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else str(value),
)
def test_every_mode_becomes_the_colour_that_it_shows(
    image: Image.Image, kind: str, colour: tuple[int, ...]
) -> None:
    data = encoded(image, kind)
    assert only_colour(decoded(data).pixels) == colour
    grey = decoded(data, channels=1).pixels
    assert grey.shape == (8, 8)
    assert only_colour(grey)[0] == pytest.approx(np.dot(colour, (0.299, 0.587, 0.114)), abs=1)


def test_floats_and_twelve_bits_span_black_to_white() -> None:
    ramp = Image.fromarray(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8))
    found = decoded(encoded(ramp, "TIFF"), channels=1).pixels.ravel()
    assert found.tolist() == np.rint(np.linspace(0, 255, 64)).tolist()


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (flat("F", -1.0), "its floats are from -1 to -1, and only 0 to 1 is known to be black to white"),
        (flat("F", 255.0), "its floats are from 255 to 255, and only 0 to 1 is known to be black to white"),
        (flat("F", float("nan")), "its floats are from nan to nan, and only 0 to 1"),
        (flat("F", float("inf")), "its floats are from inf to inf, and only 0 to 1"),
        (flat("I", 100), "its integers are 32-bit, which have no known range; save it with 8 or 16 bits"),
        (flat("I", 2**31 - 1), "its integers are 32-bit, which have no known range"),
    ],
)
def test_numbers_of_an_unknown_range_are_left_out(image: Image.Image, why: str) -> None:
    with pytest.raises(PictureError) as caught:
        decoded(encoded(image, "TIFF"))
    assert str(caught.value).startswith(why)
    assert caught.value.kind == "of an unknown range"


def test_one_pixel_that_is_no_number_is_found_in_any_band(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo.decoding.upright, "BAND", 20)
    values = np.full((9, 9), 0.5, np.float32)
    values[7, 3] = np.nan
    with pytest.raises(PictureError, match="its floats are from nan"):
        decoded(encoded(Image.fromarray(values), "TIFF"))


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        (encoded(flat("L", 7), transparency=7), WHITE),
        (encoded(flat("L", 7), transparency=8), (7, 7, 7)),
        (encoded(flat("1", 1), transparency=1), WHITE),
        (encoded(flat("RGB", (1, 2, 3)), transparency=(1, 2, 3)), WHITE),
        (encoded(flat("RGB", (1, 2, 3)), transparency=(3, 2, 1)), (1, 2, 3)),
        (encoded(flat("I;16", 25700), transparency=25700), WHITE),
        (encoded(flat("I;16", 25700), transparency=25701), (100, 100, 100)),
        (png((4, 4), 2, 0, b"\xaa", tRNS=b"\0\2"), WHITE),
        (png((4, 4), 2, 0, b"\xaa", tRNS=b"\0\1"), (170, 170, 170)),
        (png((4, 4), 4, 0, b"\x55\x55", tRNS=b"\0\5"), WHITE),
        (png((4, 4), 4, 0, b"\x55\x55", tRNS=b"\0\x55"), (85, 85, 85)),
        (png((2, 2), 16, 2, bytes(range(1, 7)) * 2, tRNS=bytes(range(1, 7))), WHITE),
        (png((2, 2), 16, 2, bytes(range(1, 7)) * 2, tRNS=bytes(range(2, 8))), (1, 3, 5)),
        (png((4, 4), 8, 3, b"\1" * 4, PLTE=bytes(range(6)), tRNS=b"\xff\x00"), WHITE),
        (png((4, 4), 8, 3, b"\1" * 4, PLTE=bytes(range(6)), tRNS=b"\x00"), (3, 4, 5)),
        (png((4, 4), 8, 3, b"\1" * 4, PLTE=bytes(range(6)), tRNS=b"\xff\x80"), (129, 129, 130)),
    ],
)
def test_what_is_transparent_becomes_white(data: bytes, colour: tuple[int, ...]) -> None:
    assert only_colour(decoded(data).pixels) == colour


def test_a_black_and_white_picture_keeps_what_is_not_transparent() -> None:
    image = Image.fromarray(np.array([[True, False]] * 2))
    found = decoded(encoded(image, transparency=0), channels=1, size=(2, 2)).pixels
    assert found.tolist() == [[255, 255], [255, 255]]
    found = decoded(encoded(image, transparency=1), channels=1, size=(2, 2)).pixels
    assert found.tolist() == [[255, 0], [255, 0]]


@pytest.mark.parametrize(
    ("colours", "colour", "expected"),
    [
        (profile(ADOBE_RGB), (200, 150, 120), (217, 151, 119)),
        (profile(DISPLAY_P3, 2.2), (230, 60, 40), (251, 25, 0)),
        (SRGB, (10, 200, 30), (10, 200, 30)),
    ],
    ids=["Adobe RGB", "Display P3", "sRGB"],
)
def test_a_profile_is_honoured_in_every_format_and_mode(
    colours: bytes, colour: tuple[int, int, int], expected: tuple[int, int, int]
) -> None:
    picture = flat("RGB", colour, (32, 32))
    for kind in ("PNG", "TIFF", "JPEG", "WEBP"):
        exact = {"quality": 100, "subsampling": 0, "lossless": True} if kind in ("JPEG", "WEBP") else {}
        found = only_colour(decoded(encoded(picture, kind, icc_profile=colours, **exact)).pixels)
        assert found == pytest.approx(expected, abs=1 if kind == "JPEG" else 0), kind
    palette = picture.convert("P", palette=Image.Palette.ADAPTIVE)
    assert only_colour(decoded(encoded(palette, icc_profile=colours)).pixels) == expected
    half = flat("RGBA", (*colour, 128))
    on_white = tuple(round((128 * value + 127 * 255) / 255) for value in expected)
    found = only_colour(decoded(encoded(half, icc_profile=colours)).pixels)
    assert found == pytest.approx(on_white, abs=1)
    grey = only_colour(decoded(encoded(picture, icc_profile=colours), channels=1).pixels)[0]
    assert grey == pytest.approx(np.dot(expected, (0.299, 0.587, 0.114)), abs=1)


def test_profiles_of_grey_and_of_colour_on_grey() -> None:
    grey = profile(gamma=1.8)
    assert only_colour(decoded(encoded(flat("L", 100), icc_profile=grey)).pixels) == (119, 119, 119)
    assert only_colour(decoded(encoded(flat("I;16", 25700), icc_profile=grey)).pixels) == (119, 119, 119)
    assert only_colour(decoded(encoded(flat("LA", (100, 0)), icc_profile=grey)).pixels) == WHITE
    on_grey = decoded(encoded(flat("L", 100), icc_profile=profile(DISPLAY_P3, 1.8)))
    assert (only_colour(on_grey.pixels), on_grey.profile_error) == ((119, 119, 119), None)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"junk" * 50, "cannot open profile from string"),
        (profile(ADOBE_RGB)[:200], "cannot open profile from string"),
        (profile(gamma=1.8), "it is for GRAY, and the picture is RGB"),
        (profile(ADOBE_RGB) + bytes(1000), "it has 1,452 bytes, at most 1,000 are read"),
    ],
    ids=["junk", "truncated", "of another kind", "too large"],
)
def test_a_profile_that_cannot_be_used_is_ignored_and_said(
    data: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo.decoding.profile, "PROFILE_LIMIT", 1000)
    found = decoded(encoded(flat("RGB", (10, 200, 30)), icc_profile=data))
    assert only_colour(found.pixels) == (10, 200, 30)
    assert found.profile_error == why


def before(data: bytes, size: tuple[int, int], channels: int) -> np.ndarray:
    """Return what pictures without a profile have always become: converted whole, then fitted."""
    import io

    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (2 * max(size), 2 * max(size)))
        upright = ImageOps.exif_transpose(image)
    if upright.mode.startswith("I"):
        upright = Image.fromarray((np.asarray(upright).clip(0, 65535) // 257).astype(np.uint8))
    elif "A" in upright.getbands() or "transparency" in upright.info:
        white = Image.new("RGBA", upright.size, "white")
        white.alpha_composite(upright.convert("RGBA"))
        upright = white
    plain = upright.convert("L" if channels == 1 else "RGB")
    return np.asarray(ImageOps.fit(plain, size[::-1], Image.Resampling.LANCZOS))


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pictures_without_a_profile_are_as_before_to_the_bit(
    mode: str, turn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo.decoding.upright, "BAND", 700)
    chosen = random.Random(f"{mode} {turn}")
    pixels = np.random.default_rng(turn).integers(0, 256, (chosen.randint(20, 90), chosen.randint(20, 90), 4))
    deep = Image.fromarray((pixels[:, :, 0] * 257).astype(np.uint16))
    image = deep if mode == "I;16" else Image.fromarray(pixels.astype(np.uint8)).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = turn
    for kind in ("PNG", "TIFF"):
        data = encoded(image, kind, exif=exif)
        for size, channels in (((11, 7), 3), ((16, 16), 1)):
            assert np.array_equal(decoded(data, channels, size).pixels, before(data, size, channels))
    if mode in ("L", "RGB"):
        data = encoded(image.resize((400, 300)), "JPEG", exif=exif)
        assert np.array_equal(decoded(data, 3, (16, 16)).pixels, before(data, (16, 16), 3))
