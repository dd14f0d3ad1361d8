"""Where downloaded and decoded data is kept: `$ZOO_CACHE`, else the system's cache folder for this user."""

from __future__ import annotations

import os
from pathlib import Path

from zoo.__about__ import DISTRIBUTION


def cache_folder(*parts: str) -> Path:
    """Return a folder inside the cache (not created)."""
    root = os.environ.get("ZOO_CACHE")
    if root:
        return Path(root, *parts)
    from platformdirs import user_cache_path

    return user_cache_path(DISTRIBUTION).joinpath(*parts)
