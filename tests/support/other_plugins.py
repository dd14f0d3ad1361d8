"""Other people's plugins in a folder, and the command in a process that has them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LOSS = """
from zoo.components import Loss
from zoo.hookspecs import hookimpl

class Mine(Loss):
    name = "NAME"

    def critic(self, batch):
        return batch.fake_scores.mean()

@hookimpl
def zoo_register_losses():
    return [Mine]
"""
"""A plugin with one loss, to be given a name."""


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
        start = f"{code}\nfrom zoo.cli.main import main\nmain()"
        path = os.pathsep.join([str(self.folder), *filter(None, sys.path)])
        ran = subprocess.run(
            [sys.executable, *(["-c", start] if code else ["-m", "zoo"]), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        return Ran(ran.returncode, ran.stdout, ran.stderr)
