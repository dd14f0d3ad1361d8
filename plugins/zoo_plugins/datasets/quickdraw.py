"""Quick, Draw! drawings: 28 x 28 bitmaps of 345 categories, drawn in 20 seconds each (Google, CC BY 4.0)."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from pydantic import Field, field_validator

from zoo.components import Dataset
from zoo.data.npy import read_images
from zoo.errors import InputError, NetworkError, did_you_mean
from zoo.hookspecs import hookimpl
from zoo.images import Images, StandIn
from zoo.system.cache import cache_folder
from zoo.system.download import Unreachable, download

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent
HOST = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap"
LICENCE = "cc-by-4.0"


class QuickDraw(Dataset):
    """One category, downloaded once into the cache; a bundled sample stands in for a host out of reach.

    The environment variable ZOO_QUICKDRAW_URL names another folder to fetch `<category>.npy` from.
    """

    name: ClassVar[str] = "quickdraw"
    category: str = Field(default="camel", description="one of the 345 things people drew")
    limit: int | None = Field(default=80_000, ge=1, description="use at most the first so many drawings")
    path: str | None = Field(default=None, description="a downloaded .npy file to use in place of the host's")
    bundled: bool = Field(default=False, description="use the bundled sample, without network")

    @field_validator("category")
    @classmethod
    def _known(cls, category: str) -> str:
        if category not in categories():
            advice = did_you_mean(category, categories()).rstrip(".")
            raise ValueError(f"{category!r} is no category of Quick, Draw! ({advice})")
        return category

    def images(self) -> Images:
        """Return the drawings: from `path`, from the bundled sample, or from the host.

        Raises:
            InputError: the local file is missing or holds something else.
            NetworkError: the host refuses, or cannot be reached and the category has no bundled sample.
        """
        if self.path is not None:
            return self._open(Path(self.path), source=Path(self.path).name)
        if self.bundled:
            if not self._sample.exists():
                raise InputError(
                    f"{self.category}: no sample of it is bundled. Leave `bundled` out, or give --data PATH"
                )
            return self._stand_in("data.bundled is set")
        try:
            return self._fetch()
        except Unreachable as error:
            if self._sample.exists():
                return self._stand_in(error.reason)
            raise NetworkError(
                f"{error.reason}, and no sample of {self.category!r} is bundled. "
                "Give a downloaded file with --data PATH, or choose the category 'camel'"
            ) from error

    @property
    def _sample(self) -> Path:
        return HERE / f"{self.category}-100.npy"

    def _open(self, path: Path, source: str, stand_in: StandIn | None = None) -> Images:
        return Images(read_images(path, self.limit), licence=LICENCE, source=source, stand_in=stand_in)

    def _fetch(self) -> Images:
        root = (os.environ.get("ZOO_QUICKDRAW_URL", "").strip() or HOST).rstrip("/")
        url = f"{root}/{quote(self.category)}.npy"
        path = download(
            url, cache_folder("quickdraw") / f"{self.category}.npy", what=f"{self.category} drawings"
        )
        try:
            return self._open(path, source=url)
        except InputError as error:
            # A login page answers for any address: what is no drawing must not stay in the cache.
            path.unlink(missing_ok=True)
            raise NetworkError(
                f"{url}: what came is no file of drawings. Try again, or give a good one with --data PATH"
            ) from error

    def _stand_in(self, why: str) -> Images:
        reason = f"{why}, so the 100 bundled {self.category} drawings are used"
        return self._open(self._sample, "bundled sample", StandIn(reason, fields={"bundled": True}))


@cache
def categories() -> tuple[str, ...]:
    """Return the names of all categories, as the data set's own list has them."""
    return tuple((HERE / "quickdraw_categories.txt").read_text(encoding="utf-8").splitlines())


@hookimpl
def zoo_register_datasets() -> Iterable[type[Dataset]]:
    return [QuickDraw]
