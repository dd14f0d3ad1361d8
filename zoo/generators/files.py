"""The names of a generator folder's files, and how large they may be."""

from __future__ import annotations

from pathlib import PurePosixPath

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SAMPLES = "samples.png"
ONNX = "onnx/model.onnx"
ONNX_FP16 = "onnx/model_fp16.onnx"
CARD = "README.md"
PEOPLE_EDIT = frozenset({CONFIG, CARD})
"""The files whose hashes are not listed: the list itself, and the card."""
CONFIG_LIMIT = 1 << 20


def is_safe_name(name: str) -> bool:
    """Whether a listed file name stays inside its folder on every system."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and not set(name) & set("\\:\0")
