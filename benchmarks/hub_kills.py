"""Kills pushes to a Hub on this machine and looks at what the Hub holds then.

python -m benchmarks.hub_kills [--moments 20]

The moments lie evenly between the first request of a push and a little after its end, as measured. After each the
repository must hold the commit before or the commit after, byte for byte, and the next push must succeed. `old` and
`new` count which.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.support.machine import machine
from tests.support.hub.fixtures import Person
from tests.support.hub.folder import make_folder
from tests.support.hub.publish import WHOLE, contents, the_repo
from tests.support.hub.server.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterable

LATE = 1.1
"""How far beyond the end of a push the moments go: not every push takes the same time."""
SETTLING = 0.5
"""Seconds in which the server ends what it was asked before the kill."""


def held(hub: Hub) -> dict[str, bytes]:
    """Return the published files of me/camel's main branch."""
    repo = the_repo(hub)
    tree = repo["commits"][repo["branches"]["main"]]["tree"]
    return {name: hub.store.path(tree[name]).read_bytes() for name in WHOLE if name in tree}


def start(person: Person, folder: Path) -> subprocess.Popen[bytes]:
    """Begin a push."""
    command = [sys.executable, "-m", "tests.support.hub.run", "push", "me/camel", str(folder)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env=person.settings(), cwd=person.home, stdout=quiet, stderr=quiet)


def asked(hub: Hub, process: subprocess.Popen[bytes]) -> float:
    """Wait for the first request of a push and return when it came, by the monotonic clock."""
    while not hub.log and process.poll() is None:
        time.sleep(0.001)
    return time.monotonic()


def measure(hub: Hub, person: Person, folder: Path) -> float:
    """Return the seconds from the first request of a push to its end."""
    hub.log.clear()
    with start(person, folder) as process:
        began = asked(hub, process)
        process.wait()
    assert process.returncode == 0
    assert held(hub) == contents(folder, WHOLE)
    return time.monotonic() - began


def kill_at(hub: Hub, person: Person, folder: Path, moments: Iterable[float]) -> list[str]:
    """Kill a push at each moment after its first request; return what the Hub held: `old`, `new` or `torn`."""
    found = []
    for number, seconds in enumerate(moments, start=2):
        before = held(hub)
        make_folder(folder, seed=number)
        hub.log.clear()
        with start(person, folder) as process:
            asked(hub, process)
            time.sleep(seconds)
            process.kill()
        time.sleep(SETTLING)
        after = held(hub)
        found.append("old" if after == before else "new" if after == contents(folder, WHOLE) else "torn")
        with start(person, folder) as process:
            process.wait()
        if process.returncode != 0 or held(hub) != contents(folder, WHOLE):
            found[-1] = "torn"
    return found


def main() -> int:
    """Print the figures; return 1 if any repository held something else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=20)
    count: int = parser.parse_args().moments
    with tempfile.TemporaryDirectory() as scratch, Hub(Path(scratch, "hub"), {"hf_me": "me"}) as hub:
        person, folder = Person(Path(scratch, "me"), hub.url, "hf_me"), Path(scratch, "generator")
        measure(hub, person, make_folder(folder, seed=1))  # the first one also makes the repository
        seconds = LATE * measure(hub, person, make_folder(folder, seed=100))
        found = kill_at(hub, person, folder, [seconds * (index + 0.5) / count for index in range(count)])
    print(f"from first request to end {seconds / LATE:.2f} s; killed at {count} moments: ", end="")
    print(", ".join(f"{what} {found.count(what)}" for what in ("old", "new", "torn")))
    print(machine())
    return int("torn" in found)


if __name__ == "__main__":
    sys.exit(main())
