"""Where a run's checkpoints lie, which files they have, and of which format."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = "checkpoints"
TENSORS = "state.safetensors"
VALUES = "state.json"
MANIFEST = "manifest.json"
FORMAT = 1


def checkpoint_path(run: Path, step: int) -> Path:
    """Return where a step's checkpoint lies."""
    return run / FOLDER / f"step-{step:08d}"


def checkpoints(run: Path) -> list[Path]:
    """Return a run's committed checkpoints, oldest first."""
    found = [path for path in (run / FOLDER).glob("step-*") if re.fullmatch(r"step-\d{8,}", path.name)]
    return sorted((path for path in found if path.is_dir()), key=lambda path: int(path.name[len("step-") :]))


def is_ours(name: str) -> bool:
    """Whether a file in a checkpoint's folder has the name of one that a training writes."""
    return name in (TENSORS, VALUES, MANIFEST)
