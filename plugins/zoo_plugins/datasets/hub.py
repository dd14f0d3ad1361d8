"""Images in parquet files on the Hub: fetched, decoded once into an `.npy` file."""

from __future__ import annotations

import io
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zoo.data.npy import read_images, store_images
from zoo.decoding.decode import decode
from zoo.errors import InputError
from zoo.system.atomic import write_atomic
from zoo_plugins.hub_file import HubFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo.images import Pixels

ROWS_AT_ONCE = 256
BYTES_LIMIT = 2 << 30
"""Of a parquet file."""
ROWS_LIMIT = 1_000_000
GROUP_LIMIT = 64 << 20
"""Bytes of one group of rows, unpacked, or `GROUP_TIMES` those of the file: as much may lie in memory at once."""
GROUP_TIMES = 2


class Source(NamedTuple):
    """Where a set's images are on the Hub."""

    repo: str
    files: tuple[str, ...]
    image: str
    """The column of images: structs with the encoded `bytes`."""
    label: str | None = None
    """The column of class numbers."""

    @property
    def address(self) -> str:
        return f"https://huggingface.co/datasets/{self.repo}"

    def fetch(self) -> Iterator[Path]:
        """Give the files' places on this machine one by one, so that no more are fetched than are used."""
        return (fetch(self.repo, file) for file in self.files)


def fetch(repo: str, file: str) -> Path:
    """Return the place of a dataset repository's file in the Hub's own cache, downloading it; raises as that does."""
    other = "give images of your own with --data PATH"
    return HubFile(
        repo, file, "dataset", BYTES_LIMIT, other, f"its images were there. Take another set, or {other}"
    ).fetch()


def decode_once(
    source: Source, folder: Path, size: tuple[int, int], limit: int | None = None
) -> tuple[Pixels, NDArray[np.int64] | None]:
    """Return images (N, 3, *size) and labels, decoded into `folder` unless they are there already.

    The middle of each image is cut to the proportions of `size` (height, width), then resized.

    Raises:
        InputError: pyarrow is not installed, or a file holds something else.
        NetworkError: a file could not be fetched.
        ResourceError: the disk is full.
    """
    images, labels = folder / "images.npy", folder / "labels.npy"
    if not images.exists():
        rows = islice(_rows(source), limit)
        store_images(images, _pixels(rows, size, labels if source.label else None), (*size, 3))
    return read_images(images), np.load(labels, allow_pickle=False) if source.label else None


def _pixels(
    rows: Iterable[tuple[bytes, int]], size: tuple[int, int], labels: Path | None
) -> Iterator[NDArray[np.uint8]]:
    """Give the images one by one, and put the labels on the disk before the last of them ends."""
    numbers = []
    for data, number in rows:
        numbers.append(number)
        try:
            picture = decode(io.BytesIO(data), size, 3)
        except Exception as error:  # what Pillow's many readers raise for damaged files knows no bounds
            raise InputError(
                f"image {len(numbers)} of the set: it cannot be decoded ({error}). Fetch the set again"
            ) from error
        yield picture.pixels
    if labels is not None:
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(numbers, np.int64))
        write_atomic(labels, buffer.getvalue())


def _rows(source: Source) -> Iterator[tuple[bytes, int]]:
    """Give each row's encoded image and label (0 where there is none)."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise InputError(
            f'{source.repo}: pyarrow is not installed, and this needs it. Run pip install "gan-model-zoo[data]"'
        ) from error
    columns = [source.image] + ([source.label] if source.label else [])
    for path in source.fetch():
        try:
            file = parquet.ParquetFile(path)
            _refuse_too_large(path, file.metadata)
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns):
                for row in batch.to_pylist():
                    yield row[source.image]["bytes"], row[source.label] if source.label else 0
        except (pyarrow.ArrowException, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: it is no parquet file with the columns {', '.join(columns)}. "
                "Delete it, and it is fetched again"
            ) from error


def _refuse_too_large(path: Path, metadata: Any) -> None:
    """Raise InputError for a parquet file that says of itself that it is larger than any of these sets."""
    if metadata.num_rows > ROWS_LIMIT:
        raise InputError(
            f"{path}: it has {metadata.num_rows:,} rows, at most {ROWS_LIMIT:,} are read. "
            "Delete it, and it is fetched again"
        )
    most = max(GROUP_LIMIT, GROUP_TIMES * path.stat().st_size)
    for number in range(metadata.num_row_groups):
        size = metadata.row_group(number).total_byte_size
        if size > most:
            raise InputError(
                f"{path}: a group of its rows unpacks to {size:,} bytes, at most {most:,} are read. "
                "Delete it, and it is fetched again"
            )
