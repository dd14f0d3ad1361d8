"""What works here and what does not, for `zoo doctor`; plugins bring their findings by `zoo_diagnose`."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Literal

from zoo.__about__ import DISTRIBUTION
from zoo.caches import cache_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = (
    DISTRIBUTION, "numpy", "onnxruntime", "onnxruntime-gpu", "huggingface-hub", "pluggy", "pydantic", "safetensors",
    "torch", "onnx", "onnxscript", "pyarrow",
)  # fmt: skip

State = Literal["ok", "note", "broken"]
"""`note`: something is missing that not everybody needs. `broken`: pictures cannot be made."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    found: str
    state: State = "ok"
    advice: str = ""
    """A whole sentence without its full stop."""


def diagnose() -> Iterator[Finding]:
    """Look at versions, caches and plugins, then at what plugins look at."""
    yield from _versions()
    folder = cache_folder()
    yield Finding("cache", f"{folder}, {folder_size(folder) / 1e6:.1f} MB")
    yield from _training()
    yield from _plugins()


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


def _versions() -> Iterator[Finding]:
    yield Finding("python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        try:
            yield Finding(package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Finding(package, "not installed")


def _training() -> Iterator[Finding]:
    from zoo.plugins import load_registry

    try:
        load_registry()
    except ModuleNotFoundError as error:
        yield Finding(
            "training",
            f"{error.name} is not installed",
            "note",
            f'To train or export, run pip install "{DISTRIBUTION}[train]"',
        )
    else:
        yield Finding("training", "torch and the components can be imported")


def _plugins() -> Iterator[Finding]:
    from zoo.plugins import DISABLE, plugins

    for info in list(plugins().infos.values()):
        name = f"plugin {info.name} of {info.distribution} {info.version}"
        if info.status == "failed":
            advice = f"Mend it, uninstall it, or set {DISABLE}={info.distribution}"
            yield Finding(name, f"failed: {info.reason.rstrip('.')}", "note", advice)
        elif info.status == "disabled":
            yield Finding(name, f"disabled: {info.reason}")
    for info, function in list(plugins().calls("zoo_diagnose")):
        with plugins().tolerant(info):
            yield from list(function())
