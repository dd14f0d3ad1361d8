"""The command line in this process, and other people's plugins in a folder: for tests that need many of either."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo.cli import cli, main
from zoo.plugins import load_registry, plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Zoo = Callable[..., "Ran"]


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The error's text; it is the last line on stderr, the only one of its kind, and no traceback comes with it."""
        last = self.err.splitlines()[-1]
        assert self.err.count("zoo: error: ") == 1
        assert last.startswith("zoo: error: ")
        assert "Traceback" not in self.err
        return last.removeprefix("zoo: error: ")

    @property
    def warnings(self) -> list[str]:
        """The texts of the warnings."""
        marked = "zoo: warning: "
        return [line.removeprefix(marked) for line in self.err.splitlines() if line.startswith(marked)]


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Zoo:
    """Return a function that runs `zoo` with arguments."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(code, out, err)

    return run


class Plugins:
    """A folder of installed distributions, as pip leaves them there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, code: str, *, group: str = "zoo", version: str = "1.0") -> None:
        """Install a distribution `zoo-foo` with the module `zoo_foo` and its entry point."""
        module = name.replace("-", "_")
        (self.folder / f"{module}.py").write_text(code)
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name.removeprefix('zoo-')} = {module}\n")

    def process(self, *arguments: str | Path, code: str = "") -> Ran:
        """Run `zoo` in a process of its own that has these distributions, after `code` where some is given."""
        start = f"{code}\nfrom zoo.cli import main\nmain()"
        path = os.pathsep.join([str(self.folder), *filter(None, sys.path)])
        ran = subprocess.run(
            [sys.executable, *(["-c", start] if code else ["-m", "zoo"]), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        return Ran(ran.returncode, ran.stdout, ran.stderr)


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    """Give an empty folder of plugins; this process has what is in it until the test ends."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(cli, "commands", dict(cli.commands))
    _forget()
    yield Plugins(folder)
    _forget()
    for module in [name for name, loaded in sys.modules.items() if _is_in(loaded, folder)]:
        del sys.modules[module]


def _forget() -> None:
    plugins.cache_clear()
    load_registry.cache_clear()


def _is_in(module: object, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).is_relative_to(folder)
