"""Many pulls in one process of somebody's, one after the other, without the pauses between tries."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from tests.support.hub.fixtures import Person


@dataclass(frozen=True)
class Outcome:
    """How a pull ended."""

    code: int
    said: str
    """The folder, or the error's line."""
    seconds: float


class Pulls:
    """A process that pulls on demand, while its `with` block runs."""

    def __init__(self, person: Person, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.hub.pulls"],
            env=person.settings(**environment),
            cwd=person.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=10)

    def __call__(self, name: str = "me/camel", *, fresh: bool = True, **options: Any) -> Outcome:
        """Pull; `fresh` forgets the cache before, the rest is what `zoo_hub.pull.pull` takes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, fresh, options]) + "\n")
        self._process.stdin.flush()
        return Outcome(*json.loads(self._process.stdout.readline()))


def main() -> None:
    """Answer each line of stdin with a line of stdout."""
    import shutil

    from huggingface_hub import constants

    from zoo.errors import ZooError
    from zoo_hub.pull import pull

    wait = time.sleep

    def wait_less(seconds: float) -> None:
        wait(min(seconds, 0.01))

    time.sleep = wait_less  # type: ignore[assignment]
    for line in sys.stdin:
        name, fresh, options = json.loads(line)
        if fresh:
            shutil.rmtree(constants.HF_HUB_CACHE, ignore_errors=True)
        to = options.pop("to", None)
        start = time.monotonic()
        try:
            pulled = pull(name, **options, to=Path(to) if to else None)
            code, said = 0, str(pulled.folder)
        except ZooError as error:
            code, said = error.exit_code, str(error)
        print(json.dumps([code, said, time.monotonic() - start]), flush=True)


if __name__ == "__main__":
    main()
