"""Limits of archives, arrays, colour profiles and of what data sets are fetched from."""

from __future__ import annotations

import math
import struct
import zipfile
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np

from tests.support.hostile.limits.limit import INPUT, NETWORK, LeftOutError, Limit
from zoo.data import npy
from zoo.data.npy import read_images
from zoo.decoding import archive, limits, profile
from zoo.decoding.archive import list_zip
from zoo.decoding.limits import PictureError
from zoo.decoding.profile import ProfileError, read_profile
from zoo.system import download
from zoo.system.transfer.part import Part
from zoo_plugins.datasets import hub

if TYPE_CHECKING:
    from pathlib import Path

PICTURE, ZIP, NPY = "any picture", "zip", "`.npy`"
PARQUET, QUICKDRAW = "parquet (`cifar10`, `celeba`)", "Quick, Draw! (`quickdraw`)"


def picture_of_bytes(_: Path, size: int) -> None:
    """Decide on a picture's file."""
    try:
        limits.refuse_too_many_bytes(size)
    except PictureError as error:
        raise LeftOutError(str(error)) from error


def profile_of_bytes(_: Path, size: int) -> None:
    """Read a profile; what is in this one is none, which is found when it is looked at."""
    try:
        read_profile(bytes(size), "RGB")
    except ProfileError as error:
        if "at most" in str(error):
            raise LeftOutError(str(error)) from error


def zip_unpacking_to(folder: Path, size: int) -> None:
    """List a small zip whose table of contents says that its files have so many bytes."""
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number, claimed in enumerate((size // 2, size - size // 2)):
            file.writestr(f"{number}.png", b"x")
            file.filelist[-1].file_size = claimed  # written at the end
    with list_zip(path):
        pass


def zip_unpacking_more(folder: Path, number: int) -> None:
    """List a zip of 27 MB that unpacks to a byte less than twenty times its size, as much, or a byte more."""
    path, beyond = folder / "a.zip", number - archive.UNPACKED_TIMES
    whole = 0
    for _ in range(2):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("0.png", bytes(27 << 20))
            file.writestr("1.png", b"x")
            file.filelist[-1].file_size = max(1, archive.UNPACKED_TIMES * whole + beyond - (27 << 20))
        whole = path.stat().st_size
    with list_zip(path):
        pass


def table_of_bytes(folder: Path, size: int) -> None:
    """List a zip whose table of contents has so many bytes, most of them in comments about its files."""
    path, entry, comment = folder / "a.zip", 46 + 8, 60_000
    count = size // (entry + comment)
    with zipfile.ZipFile(path, "w") as file:
        for number in range(count):
            file.writestr(f"{number:04}.png", b"")
            file.filelist[-1].comment = b" " * comment
        file.filelist[-1].comment += b" " * (size - count * (entry + comment))
    with list_zip(path):
        pass


def header_of_bytes(folder: Path, size: int) -> None:
    """Read an array after a header of so many bytes."""
    path = folder / "a.npy"
    text = str({"descr": "|u1", "fortran_order": False, "shape": (1, 2, 2)})
    start = b"\x93NUMPY\x02\x00" + struct.pack("<I", size - 12)
    path.write_bytes(start + text.ljust(size - 13).encode() + b"\n" + bytes(4))
    read_images(path)


def _array(folder: Path, shape: tuple[int, ...], *, by_columns: bool = False) -> Path:
    """Write black images without taking room on the disk."""
    path = folder / "a.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(
            file, {"descr": "|u1", "fortran_order": by_columns, "shape": shape}
        )
        file.truncate(file.tell() + math.prod(shape))
    return path


def array_of_images(folder: Path, count: int) -> None:
    """Read an array of images of one pixel."""
    read_images(_array(folder, (count, 1, 1)))


def array_of_bytes(folder: Path, size: int) -> None:
    """Read an array, which is in memory then, or not."""
    if not isinstance(read_images(_array(folder, (8, 1, size // 8))), np.ndarray):
        raise LeftOutError("not read at once")


def columns_of_bytes(folder: Path, size: int) -> None:
    """Read an array that lies by columns."""
    read_images(_array(folder, (8, size // 8, 1), by_columns=True))


def parquet_of_bytes(folder: Path, size: int) -> None:
    """Fetch a file of which the Hub says that it is so large."""
    with (
        patch("huggingface_hub.get_hf_file_metadata", lambda *_, **__: SimpleNamespace(size=size)),
        patch("huggingface_hub.hf_hub_download", lambda *_, **__: str(folder)),
        patch("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None),
    ):
        hub.fetch("a/b", "c.parquet")


def parquet_of_rows(folder: Path, rows: int) -> None:
    """Decide on a file of so many rows."""
    hub._refuse_too_large(folder, SimpleNamespace(num_rows=rows, num_row_groups=0))


def parquet_of_groups(folder: Path, size: int) -> None:
    """Decide on a small file with a group of rows that unpacks to so many bytes."""
    group = SimpleNamespace(total_byte_size=size)
    hub._refuse_too_large(folder, SimpleNamespace(num_rows=1, num_row_groups=1, row_group=lambda _: group))


def download_of_bytes(folder: Path, size: int) -> None:
    """Decide on a file of which its server says that it is so large."""
    with suppress(FileNotFoundError):
        Part(folder / "a.npy", download.BYTES_LIMIT).refuse("https://x/a.npy", size)


DATA_LIMITS = (
    Limit(PICTURE, "a file of 268,435,456 bytes", limits.BYTES_LIMIT, picture_of_bytes, "it has 268,435,457 bytes"),
    Limit(PICTURE, "4,194,304 bytes", profile.PROFILE_LIMIT, profile_of_bytes, "it has 4,194,305 bytes"),
    Limit(ZIP, "536,870,912 bytes", archive.UNPACKED_LIMIT, zip_unpacking_to, "unpacks to 536,870,913, at", INPUT),
    Limit(ZIP, "20 times", archive.UNPACKED_TIMES, zip_unpacking_more, "are read. Unpack it yourself", INPUT),
    Limit(ZIP, "25,165,824 bytes", archive.TABLE_LIMIT, table_of_bytes, "has 25,165,825 bytes, at most", INPUT),
    Limit(NPY, "16,777,216 images", npy.IMAGES_LIMIT, array_of_images, "it holds 16,777,217 images", INPUT),
    Limit(NPY, "134,217,728 bytes", npy.IN_MEMORY, array_of_bytes, "not read at once", step=8),
    Limit(NPY, "134,217,728 bytes", npy.IN_MEMORY, columns_of_bytes, "are read, not 134,217,736", INPUT, step=8),
    Limit(NPY, "16,384 bytes", npy.HEADER_LIMIT, header_of_bytes, "it is not a .npy file of images", INPUT),
    Limit(PARQUET, "2,147,483,648 bytes", hub.BYTES_LIMIT, parquet_of_bytes, " has 2,147,483,649 bytes", INPUT),
    Limit(PARQUET, "1,000,000 rows", hub.ROWS_LIMIT, parquet_of_rows, "it has 1,000,001 rows, at most", INPUT),
    Limit(PARQUET, "67,108,864 bytes", hub.GROUP_LIMIT, parquet_of_groups, "unpacks to 67,108,865 bytes", INPUT),
    Limit(
        QUICKDRAW, "1,073,741,824 bytes", download.BYTES_LIMIT, download_of_bytes,
        "it has 1,073,741,825 bytes or more", NETWORK,
    ),
)  # fmt: skip
