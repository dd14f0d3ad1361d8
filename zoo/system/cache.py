"""Where downloaded and decoded data is kept: `$ZOO_CACHE`, else the system's cache folder for this user."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.__about__ import DISTRIBUTION


def cache_folder(*parts: str) -> Path:
    """Return a folder inside the cache (not created)."""
    root = os.environ.get("ZOO_CACHE", "").strip()
    if root:
        return Path(root, *parts)
    from platformdirs import user_cache_path

    return user_cache_path(DISTRIBUTION).joinpath(*parts)


def folder_size(folder: Path) -> int:
    """Return the bytes of all files in a folder, links not followed; 0 where there is none."""
    total = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(place, name)).st_size  # noqa: PTH118 - a cache can hold 100,000 files
            except OSError:
                continue
    return total
