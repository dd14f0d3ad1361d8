"""A Hub on this machine and people with caches of their own who use it, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.hub.folder import make_folder
from tests.support.hub.server.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """How a process ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Person:
    """Somebody with a home, a cache and perhaps a token. The client reads these at its import."""

    home: Path
    endpoint: str
    token: str | None

    def zoo(self, *args: str | Path, **environment: str) -> Ran:
        """Run `zoo push` or `zoo pull`."""
        return self.python("-m", "tests.support.hub.run", *map(str, args), **environment)

    def python(self, *args: str, **environment: str) -> Ran:
        """Run Python in this person's home."""
        done = subprocess.run(
            [sys.executable, *args],
            env=self.settings(**environment),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def settings(self, **environment: str) -> dict[str, str]:
        """Return the environment of a process of this person's, and make the home it names."""
        self.home.mkdir(exist_ok=True)
        return {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "HF_HOME": str(self.home / "hf"),
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_DISABLE_XET": "1",
            **({"HF_TOKEN": self.token} if self.token else {}),
            **environment,
        }


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """An empty Hub for me and you."""
    with Hub(tmp_path / "hub", {"hf_me": "me", "hf_you": "you"}) as running:
        yield running


@pytest.fixture
def me(hub: Hub, tmp_path: Path) -> Person:
    """Who pushes."""
    return Person(tmp_path / "me", hub.url, "hf_me")


@pytest.fixture
def you(hub: Hub, tmp_path: Path) -> Person:
    """Who pulls, without a token."""
    return Person(tmp_path / "you", hub.url, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A generator folder."""
    return make_folder(tmp_path / "generator")
