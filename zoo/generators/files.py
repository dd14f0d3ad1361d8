"""The names of a generator folder's files and of its variants, and how large each may be: the only place for both."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SAMPLES = "samples.png"
Variant = Literal["fp32", "fp16", "int8", "uint8"]
FILES: dict[Variant, str] = {
    "fp32": "onnx/model.onnx",
    "fp16": "onnx/model_fp16.onnx",
    "int8": "onnx/model_int8.onnx",
    "uint8": "onnx/images_uint8.onnx",
}
"""Named as transformers.js expects them; `model_uint8.onnx` would mean quantised weights there."""
ONNX = FILES["fp32"]
ONNX_FP16 = FILES["fp16"]
REPORT = "onnx/report.json"
CARD = "README.md"
PEOPLE_EDIT = frozenset({CONFIG, CARD})
"""The files whose hashes are not listed: the list itself, and the card."""
CONFIG_LIMIT = 1 << 20
ONNX_LIMIT = 104 << 20
"""As many bytes as are ever read of an ONNX file: 27 million float32 weights, four times a 64 x 64 generator's."""
LATENT_LIMIT = 4096
SIDE_LIMIT = 2048
"""Pixels of a picture's side; the architecture here makes at most 1,024."""
LIMITS = {
    CONFIG: CONFIG_LIMIT,
    CARD: 1 << 20,
    SAMPLES: 64 << 20,
    REPORT: 1 << 20,
    **dict.fromkeys(FILES.values(), ONNX_LIMIT),
    WEIGHTS: 4 << 30,
}
"""Bytes, by the name of every file that a generator folder may hold."""


def is_safe_name(name: str) -> bool:
    """Whether a listed file name stays inside its folder on every system."""
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts and not set(name) & set("\\:\0")
