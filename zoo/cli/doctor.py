"""`zoo doctor`: what works here, and why the rest does not."""

from __future__ import annotations

import platform
from dataclasses import asdict
from itertools import zip_longest
from typing import TYPE_CHECKING

import click

from zoo.__about__ import DISTRIBUTION, EXTRAS
from zoo.cli.output import json_option
from zoo.errors import some
from zoo.system.cache import cache_folder, folder_size
from zoo.system.terminal import echo, echo_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo.hookspecs import Finding, State


NEEDED = (DISTRIBUTION, "numpy", "huggingface-hub", "pluggy", "pydantic", "safetensors")
RUNTIMES = ("onnxruntime-gpu", "onnxruntime")
"""One of them is needed: the one for GPUs runs without a GPU too."""


@click.command(short_help="Try what pictures and training need; no network.")
@json_option
def doctor(as_json: bool) -> None:
    """Try what pictures and training need, without the network, and say what is amiss."""
    from zoo.errors import InputError

    findings = list(diagnose())
    if as_json:
        echo_json([asdict(finding) for finding in findings])
    else:
        width = max(len(finding.about) for finding in findings)
        for finding, following in zip_longest(findings, findings[1:]):
            echo(f"{finding.state:7} {finding.about:{width}}  {finding.found}")
            # What is to be done about several in a row is said once, below the last.
            if finding.advice and (following is None or following.advice != finding.advice):
                echo(f"{'':7} {'':{width}}  {finding.advice}.")
    for finding in findings:
        if finding.state == "broken":
            raise InputError(f"{finding.about}: {finding.found}. {finding.advice or 'Mend it'}")


def diagnose() -> Iterator[Finding]:
    """Look at versions, caches and plugins, then at what plugins look at."""
    from zoo.hookspecs import Finding

    yield from _versions()
    folder = cache_folder()
    yield Finding("cache", f"{folder}, {folder_size(folder) / 1e6:.1f} MB")
    yield from _training()
    yield from _plugins()


def _versions() -> Iterator[Finding]:
    from zoo.hookspecs import Finding

    yield Finding("python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    from zoo.plugins.installed import installed_version

    for package in NEEDED:
        yield _version(package, f"Install {DISTRIBUTION} again", "broken")
    there = [package for package in RUNTIMES if installed_version(package) is not None]
    for package in there or RUNTIMES[:1]:
        yield _version(package, f"Run pip install {package}", "broken")
    for package, extra in EXTRAS.items():
        yield _version(package, f'For what needs it, run pip install "{DISTRIBUTION}[{extra}]"', "note")


def _version(package: str, advice: str, missing: State) -> Finding:
    from zoo.hookspecs import Finding
    from zoo.plugins.installed import installed_version

    version = installed_version(package)
    if version is None:
        return Finding(package, "not installed", missing, advice)
    return Finding(package, version)


def _training() -> Iterator[Finding]:
    from zoo.hookspecs import Finding
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
    from zoo.hookspecs import Finding
    from zoo.plugins.manager import DISABLE, plugins

    names: dict[tuple[str, str, str, str], list[str]] = {}
    for info in plugins().infos.values():
        if info.status in ("failed", "disabled"):
            alike = (info.distribution, info.version, info.status, info.reason.rstrip("."))
            names.setdefault(alike, []).append(info.name)
    for (distribution, version, status, reason), those in names.items():
        unique = list(dict.fromkeys(those))
        name = f"plugin{'' if len(unique) == 1 else 's'} {some(unique)} of {distribution} {version}"
        if status == "failed":
            advice = f"Mend it, uninstall it, or set {DISABLE}={distribution}"
            yield Finding(name, f"failed: {reason}", "note", advice)
        else:
            yield Finding(name, f"disabled: {reason}")
    for findings in plugins().call("zoo_diagnose", list):
        yield from findings
