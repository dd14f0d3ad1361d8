"""`zoo doctor`: what works here, and why the rest does not."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.__about__ import DISTRIBUTION
from zoo.cli.output import json_option
from zoo.hookspecs import Finding
from zoo.system.cache import cache_folder, folder_size

if TYPE_CHECKING:
    from collections.abc import Iterator


PACKAGES = (
    DISTRIBUTION, "numpy", "onnxruntime", "onnxruntime-gpu", "huggingface-hub", "pluggy", "pydantic", "safetensors",
    "torch", "onnx", "onnxscript", "pyarrow", "starlette", "uvicorn",
)  # fmt: skip


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Try what pictures and training need, without the network, and say what is amiss."""
    from zoo.errors import InputError

    findings = list(diagnose())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        width = max(len(finding.about) for finding in findings)
        for finding in findings:
            click.echo(f"{finding.state:7} {finding.about:{width}}  {finding.found}")
            if finding.advice:
                click.echo(f"{'':7} {'':{width}}  {finding.advice}.")
    for finding in findings:
        if finding.state == "broken":
            raise InputError(f"{finding.about}: {finding.found}. {finding.advice or 'Mend it'}")


def diagnose() -> Iterator[Finding]:
    """Look at versions, caches and plugins, then at what plugins look at."""
    yield from _versions()
    folder = cache_folder()
    yield Finding("cache", f"{folder}, {folder_size(folder) / 1e6:.1f} MB")
    yield from _training()
    yield from _plugins()


def _versions() -> Iterator[Finding]:
    yield Finding("python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    from zoo.plugins.installed import installed_version

    for package in PACKAGES:
        yield Finding(package, installed_version(package) or "not installed")


def _training() -> Iterator[Finding]:
    from zoo.plugins.collect import load_registry

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
    from zoo.plugins.manager import DISABLE, plugins

    for info in list(plugins().infos.values()):
        name = f"plugin {info.name} of {info.distribution} {info.version}"
        if info.status == "failed":
            advice = f"Mend it, uninstall it, or set {DISABLE}={info.distribution}"
            yield Finding(name, f"failed: {info.reason.rstrip('.')}", "note", advice)
        elif info.status == "disabled":
            yield Finding(name, f"disabled: {info.reason}")
    for findings in plugins().call("zoo_diagnose", list):
        yield from findings
