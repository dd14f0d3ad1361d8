"""The files of onnxruntime-web that a play page loads: one version, each with the hash of its bytes."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.errors import InputError, IntegrityError
from zoo.system.regular_files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "1.30.0"
CDN = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{VERSION}/dist/"
"""Serves the npm package's own files, and lets pages of any origin read them."""
LOCAL = "runtime/"
"""In a page's folder: where copies of the files lie."""
ARCHIVE_LIMIT = 256 << 20
"""Bytes that are read of a file at most."""
ADVICE = f"Get it with `npm pack onnxruntime-web@{VERSION}`, unpack that, and give its folder `package`"


@dataclass(frozen=True)
class Build:
    """What a browser loads: a module with its glue in it, and the WebAssembly that does the work."""

    module: str
    binary: str


BUILDS = {
    "wasm": Build("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": Build("ort.webgpu.bundle.min.mjs", "ort-wasm-simd-threaded.asyncify.wasm"),
}
INTEGRITY = {
    "ort.wasm.bundle.min.mjs": "sha384-PLWz+nHEVHpjwBsO0YVdvQj6n5814Iv8E3b8FG0Rp/uIAtjFMCKOpP66iPzedrIG",
    "ort-wasm-simd-threaded.wasm": "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM",
    "ort.webgpu.bundle.min.mjs": "sha384-1ntMeyj+z5diX6vBR5h+zlJBPc4iNvhCxE6nlammh8daBYcLBZkzrwDkuJjhwI+f",
    "ort-wasm-simd-threaded.asyncify.wasm": (
        "sha384-EPVDLTxuO663dkZO/pcKJF6vOyyfq/5z9FY1oksN0UWFX2ABH4wDDZQHeNoUleWR"
    ),
}
"""By name: what is in the npm package's folder `dist`."""


def integrity(data: bytes) -> str:
    """Return the hash of some bytes as browsers check it (Subresource Integrity, W3C 2016)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(data).digest()).decode()}"


def described(*, local: bool) -> dict[str, Any]:
    """Return what a page has to know: where the files of each build are, and their hashes."""
    builds = {
        kind: {
            part: {"file": name, "integrity": INTEGRITY[name]}
            for part, name in (("module", build.module), ("binary", build.binary))
        }
        for kind, build in BUILDS.items()
    }
    return {"version": VERSION, "base": LOCAL if local else CDN, **builds}


def read_runtime(folder: Path) -> dict[str, bytes]:
    """Return the files, by name, of an npm package, or its folder `dist`.

    Raises:
        InputError: one is missing or cannot be read.
        IntegrityError: one is of another version, or was changed.
    """
    within = folder / "dist" if (folder / "dist").is_dir() else folder
    return {name: _read(within / name) for name in INTEGRITY}


def _read(path: Path) -> bytes:
    try:
        data = read_regular(path, ARCHIVE_LIMIT)
    except OSError as error:
        raise InputError(f"{path}: it cannot be read: {error.strerror or error}. {ADVICE}") from error
    found, expected = integrity(data), INTEGRITY[path.name]
    if found != expected:
        raise IntegrityError(
            f"{path}: its hash is {found[:19]}..., that of onnxruntime-web {VERSION} is {expected[:19]}.... "
            f"{ADVICE}"
        )
    return data
