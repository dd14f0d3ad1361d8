"""The command line in this process, and other people's plugins in a folder: for tests that need many of either."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.other_plugins import Plugins, Ran
from zoo.cli.main import cli, main
from zoo.plugins.collect import load_registry, load_torchless_registry
from zoo.plugins.manager import plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Zoo = Callable[..., Ran]

__all__ = ["Plugins", "Ran", "forget_plugins", "others", "zoo"]


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Zoo:
    """Return a function that runs `zoo` with arguments."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capsys.readouterr()
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with pytest.raises(SystemExit) as ended:
                main()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ran(code, out, err)

    return run


@pytest.fixture
def others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    """Give an empty folder of plugins; this process has what is in it until the test ends."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(cli, "commands", dict(cli.commands))
    forget_plugins()
    yield Plugins(folder)
    forget_plugins()
    for module in [name for name, loaded in sys.modules.items() if _is_in(loaded, folder)]:
        del sys.modules[module]


def forget_plugins() -> None:
    """Let the next command look for plugins anew."""
    plugins.cache_clear()
    load_registry.cache_clear()
    load_torchless_registry.cache_clear()


def _is_in(module: object, folder: Path) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).is_relative_to(folder)
