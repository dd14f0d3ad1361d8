"""Local `.npy` files: what is accepted, how it is mapped, and what is refused in which words."""

from __future__ import annotations

import io
import os
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pydantic import ValidationError

import zoo.data.npy
from zoo.data.file_rows import FileRows
from zoo.data.npy import read_images, store_images
from zoo.errors import InputError
from zoo.images import Images
from zoo_plugins.datasets.array import Array

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray


def counting(*shape: int) -> NDArray[np.uint8]:
    """Pixels that are all different, as far as 8 bits go."""
    return (np.arange(np.prod(shape)) % 251).astype(np.uint8).reshape(shape)


def saved(path: Path, array: NDArray[np.uint8]) -> Path:
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ("shape", "found"),
    [
        ((5, 784), (5, 1, 28, 28)),
        ((5, 30, 20), (5, 1, 30, 20)),
        ((5, 30, 20, 1), (5, 1, 30, 20)),
        ((5, 30, 20, 3), (5, 3, 30, 20)),
    ],
)
def test_every_layout_becomes_channels_first(
    tmp_path: Path, shape: tuple[int, ...], found: tuple[int, ...]
) -> None:
    array = counting(*shape)
    images = Array(path=str(saved(tmp_path / "mine.npy", array))).images()
    assert images.pixels.shape == found
    assert np.array_equal(images.pixels[:].transpose(0, 2, 3, 1).reshape(shape), array)
    assert (images.licence, images.source, images.stand_in) == ("unknown", "mine.npy", None)


def test_column_order_and_the_second_header_version_are_read_too(tmp_path: Path) -> None:
    array = counting(4, 6, 5)
    np.save(tmp_path / "columns.npy", np.asfortranarray(array))
    with (tmp_path / "second.npy").open("wb") as file:
        np.lib.format.write_array(file, array, version=(2, 0))
    for name in ("columns.npy", "second.npy"):
        assert np.array_equal(read_images(tmp_path / name)[:, 0], array)


def test_a_small_file_is_read_once_and_never_written(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.npy", counting(4, 8, 8))
    before = path.read_bytes()
    pixels = read_images(path)
    assert isinstance(pixels, np.ndarray)
    pixels[:] = 7
    assert path.read_bytes() == before
    path.write_bytes(before[:200])
    assert (pixels == 7).all()


@pytest.mark.parametrize("shape", [(9, 784), (9, 6, 5), (9, 6, 5, 1), (9, 6, 5, 3)])
def test_a_large_file_reads_like_an_array(
    tmp_path: Path, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    array = counting(*shape)
    path = saved(tmp_path / "mine.npy", array)
    expected = np.asarray(read_images(path))
    monkeypatch.setattr(zoo.data.npy, "IN_MEMORY", array.nbytes - 1)
    pixels = read_images(path)
    assert isinstance(pixels, FileRows)
    assert (pixels.shape, pixels.dtype, pixels.nbytes, len(pixels)) == (
        expected.shape,
        expected.dtype,
        array.nbytes,
        9,
    )
    chosen: list[Any] = [
        slice(None),
        slice(2, 5),
        np.array([7, 0, 7]),
        np.arange(9) % 2 == 0,
        3,
        (slice(None), 0, 2),
    ]
    for index in chosen:
        assert np.array_equal(pixels[index], expected[index])
    assert np.array_equal(np.asarray(pixels), expected)
    some = read_images(path, limit=8)
    assert np.array_equal(some[:], expected[:8])
    assert Images(pixels, "unknown", "a").fingerprint == Images(expected, "unknown", "a").fingerprint


@pytest.mark.parametrize("change", ["cut short", "rewritten in place", "longer"])
def test_a_large_file_that_changes_is_said(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "mine.npy", counting(9, 8, 8))
    monkeypatch.setattr(zoo.data.npy, "IN_MEMORY", 100)
    pixels = read_images(path)
    assert len(pixels[:]) == 9
    if change == "cut short":
        os.truncate(path, 200)
    else:
        with path.open("r+b") as file:
            file.seek(0, 2 if change == "longer" else 0)
            file.write(b"0" * 300)
        os.utime(path, ns=(1, 1))
    with pytest.raises(InputError) as caught:
        pixels[np.array([8])]
    assert str(caught.value) == (
        f"{path}: it changed while it was read, and what was learnt from it can no longer be repeated. "
        "Bring back the file as it was and type zoo resume, or start a new run"
    )


def test_a_large_file_that_is_replaced_or_removed_is_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "mine.npy", counting(9, 8, 8))
    monkeypatch.setattr(zoo.data.npy, "IN_MEMORY", 100)
    pixels = read_images(path)
    saved(tmp_path / "other.npy", np.zeros((9, 8, 8), np.uint8)).replace(path)
    assert np.array_equal(pixels[:][:, 0], counting(9, 8, 8))
    path.unlink()
    assert np.array_equal(pixels[8][0], counting(9, 8, 8)[8])


def test_a_large_file_by_columns_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.npy"
    np.save(path, np.asfortranarray(counting(9, 6, 5)))
    monkeypatch.setattr(zoo.data.npy, "IN_MEMORY", 270)
    assert len(read_images(path)) == 9
    monkeypatch.setattr(zoo.data.npy, "IN_MEMORY", 269)
    with pytest.raises(InputError) as caught:
        read_images(path)
    assert str(caught.value) == (
        f"{path}: it lies by columns, and of such files at most 269 bytes are read, not 270. "
        "Save numpy.ascontiguousarray of it"
    )


def test_a_header_that_says_it_has_gigabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.npy"
    with path.open("wb") as file:
        file.write(b"\x93NUMPY\x02\x00" + (3 << 30).to_bytes(4, "little"))
        file.truncate(3 << 30)  # of which the disk holds twelve bytes
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"it is not a \.npy file of images"):
            read_images(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_limit_takes_the_first(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.npy", counting(9, 4, 4))
    assert np.array_equal(Array(path=str(path), limit=3).images().pixels[:, 0], counting(9, 4, 4)[:3])
    assert len(Array(path=str(path), limit=99).images()) == 9
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Array(path=str(path), limit=0)


def test_it_answers_for_npy_files_only(tmp_path: Path) -> None:
    assert Array.at(tmp_path / "a.npy", (1, 28, 28)) == Array(path=str(tmp_path / "a.npy"))
    assert Array.at(tmp_path / "A.NPY", (1, 28, 28)) is not None
    assert Array.at(tmp_path / "a.npz", (1, 28, 28)) is None
    assert Array.at(tmp_path, (1, 28, 28)) is None


def npy(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def with_header(header: str) -> bytes:
    """Return a file of 784 bytes whose header says whatever it likes."""
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(784)


def of_shape(*shape: int) -> bytes:
    return with_header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n")


NOT_NPY = "it is not a .npy file of images. Save it with numpy.save"
LAYOUTS = "images are (N, 784), (N, H, W), (N, H, W, 1) or (N, H, W, 3). Reshape it first"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            npy(counting(3, 784))[:-10],
            "it is truncated, (3, 784) takes 2480 bytes and the file has 2470. Get it again",
        ),
        (npy(counting(3, 784))[:60], NOT_NPY),
        (b"", NOT_NPY),
        (b"\x89PNG\r\n\x1a\n and so on", NOT_NPY),
        (b"\x93NUMPY\x09\x00" + bytes(100), NOT_NPY),
        (
            npy(np.array([{}, {}], dtype=object)),
            "it holds Python objects, which are never loaded. Save it as uint8",
        ),
        (
            npy(np.zeros((3, 784), np.float32)),
            "it holds float32, images are uint8 (0 to 255). Convert it first",
        ),
        (npy(np.zeros((3, 28, 28), bool)), "it holds bool, images are uint8 (0 to 255). Convert it first"),
        (npy(counting(784)), f"its shape is (784,), {LAYOUTS}"),
        (npy(counting(3, 785)), f"its shape is (3, 785), {LAYOUTS}"),
        (npy(counting(2, 3, 8, 8)), f"its shape is (2, 3, 8, 8), {LAYOUTS}"),
        (npy(counting(2, 8, 8, 4)), f"its shape is (2, 8, 8, 4), {LAYOUTS}"),
        (of_shape(-1, 28, 28), "its shape is (-1, 28, 28), and no size is below 0. Get it again"),
        (of_shape(-2, -3, 28, 1), "its shape is (-2, -3, 28, 1), and no size is below 0. Get it again"),
        (of_shape(-1, 784), "its shape is (-1, 784), and no size is below 0. Get it again"),
        (
            of_shape(10**30, 28, 28),
            f"it is truncated, {(10**30, 28, 28)} takes {len(of_shape(10**30, 28, 28)) - 784 + 784 * 10**30} bytes "
            f"and the file has {len(of_shape(10**30, 28, 28))}. Get it again",
        ),
        (with_header("{'descr': '|u1', 'shape': (1, "), NOT_NPY),
        (with_header("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 28"), NOT_NPY),
        (with_header("-" * 9000 + "1"), NOT_NPY),
        (with_header("{[]: 1}"), NOT_NPY),
        (with_header("{1: 2, 'descr': 3}"), NOT_NPY),
        (npy(counting(0, 784)), "it is empty, its shape is (0, 784). Give it at least one image"),
        (npy(counting(5, 0, 8)), "it is empty, its shape is (5, 0, 8). Give it at least one image"),
    ],
)
def test_what_is_no_file_of_images_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad.npy"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        Array(path=str(path)).images()
    assert str(caught.value) == f"{path}: {message}"


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.npy", tmp_path):
        with pytest.raises(InputError) as caught:
            Array(path=str(path)).images()
        assert str(caught.value) == f"{path}: there is no such file. Give a .npy file"


def test_stored_images_are_read_by_numpy_and_mapped_back(tmp_path: Path) -> None:
    array = counting(300, 5, 4, 3)
    path = tmp_path / "cache" / "images.npy"
    assert store_images(path, iter(array), (5, 4, 3)) == 300
    assert np.array_equal(np.load(path), array)
    assert np.array_equal(read_images(path)[:], array.transpose(0, 3, 1, 2))
    assert [file.name for file in path.parent.iterdir()] == ["images.npy"]


def test_a_store_that_fails_or_has_nothing_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[NDArray[np.uint8]]:
        yield counting(5, 4, 3)
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        store_images(tmp_path / "images.npy", failing(), (5, 4, 3))
    assert store_images(tmp_path / "images.npy", iter(()), (5, 4, 3)) == 0
    assert list(tmp_path.iterdir()) == []
