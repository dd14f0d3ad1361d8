"""Flips bytes of files on their way from a Hub on this machine, and counts who notices.

python -m benchmarks.hub_faults [GENERATOR] [--corruptions 50]

Each corruption is one flipped byte at a random place of one file, in every answer, so that the size stays the same.
`found` is `zoo pull` ending with exit code 4 and keeping nothing; `mended` is the next pull, from an honest Hub and
without flags, bringing the published bytes; `client` is how many the Hub's client alone took for good.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.hub.fixtures import Person
from tests.support.hub.folder import make_folder
from tests.support.hub.publish import WHOLE, WITH_WEIGHTS, contents, head, put, the_repo
from tests.support.hub.pulls import Pulls
from tests.support.hub.server.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = ("config.json", "onnx/model.onnx", "model.safetensors")
CLIENT_ALONE = """
import json, sys
from huggingface_hub import hf_hub_download
for name, count in json.loads(sys.argv[1]):
    taken = 0
    for _ in range(count):
        try:
            hf_hub_download("me/camel", name, force_download=True)
            taken += 1
        except OSError:
            pass
    print(json.dumps([name, taken]))
"""


@dataclass
class Row:
    """One file's figures."""

    made: int = 0
    found: int = 0
    mended: int = 0
    client: int = 0


def corrupt(hub: Hub, name: str, place: int, times: int) -> None:
    """Have the next `times` answers with a file bring another byte at `place`."""
    entry = the_repo(hub)["commits"][head(hub)]["tree"][name]
    path = hub.store.path(entry).name if "lfs" in entry else name
    hub.fault("corrupt", path=path, method="GET", after=place, times=times)


def pulled(hub: Hub, person: Person, count: int) -> Iterator[tuple[str, int, bool, bool]]:
    """Give, for each corruption: the file, the place, and whether it was found and mended."""
    places = random.Random(0)
    tree = the_repo(hub)["commits"][head(hub)]["tree"]
    honest = {name: hub.store.path(tree[name]).read_bytes() for name in WITH_WEIGHTS}
    snapshot = person.home / "hf/hub/models--me--camel/snapshots" / head(hub)
    with Pulls(person) as pull:
        for number in range(count):
            name = FILES[number % len(FILES)]
            place = places.randrange(len(honest[name]))
            corrupt(hub, name, place, times=2)
            outcome = pull(extras=["weights"])
            kept = (snapshot / name).exists()
            found = outcome.code == 4 and outcome.said.startswith(f"me/camel: {name}: ") and not kept
            hub.faults.clear()
            mended = (
                pull(fresh=False, extras=["weights"]).code == 0 and contents(snapshot, WITH_WEIGHTS) == honest
            )
            yield name, place, found, mended


def accepted_by_the_client(hub: Hub, person: Person, places: dict[str, list[int]]) -> dict[str, int]:
    """Return how many of the same corruptions the client alone takes, by file."""
    for name, each in places.items():
        for place in each:
            corrupt(hub, name, place, times=1)
    counts = json.dumps([(name, len(each)) for name, each in places.items()])
    return dict(json.loads(line) for line in person.python("-c", CLIENT_ALONE, counts).out.splitlines())


def measure(folder: Path, count: int) -> dict[str, Row]:
    """Publish the folder on a Hub of its own and return the figures."""
    rows = {name: Row() for name in FILES}
    places: dict[str, list[int]] = {name: [] for name in FILES}
    root = folder.parent
    with Hub(root / "hub", {"hf_me": "me"}) as hub:
        (folder / "README.md").write_text("A generator.\n")
        put(hub, contents(folder, WHOLE))
        for name, place, found, mended in pulled(hub, Person(root / "you", hub.url, None), count):
            places[name].append(place)
            rows[name].made += 1
            rows[name].found += found
            rows[name].mended += mended
        taken = accepted_by_the_client(hub, Person(root / "client", hub.url, None), places)
    for name, row in rows.items():
        row.client = taken.get(name, 0)
    return rows


def main() -> None:
    """Print the table, and fail where a corruption was not found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("generator", type=Path, nargs="?", help="a generator folder with an ONNX file")
    parser.add_argument("--corruptions", type=int, default=50)
    arguments = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "generator"
        if arguments.generator:
            shutil.copytree(arguments.generator, folder)
        else:
            make_folder(folder)
        rows = measure(folder, arguments.corruptions)
    print("| file | corruptions | found | mended | taken by the client alone |")
    print("|---|---|---|---|---|")
    for name, row in rows.items():
        print(f"| `{name}` | {row.made} | {row.found} | {row.mended} | {row.client} |")
    print(f"{time.perf_counter() - began:.0f} seconds")
    if any(row.found < row.made or row.mended < row.made for row in rows.values()):
        raise SystemExit("a corruption was not found, or not mended")


if __name__ == "__main__":
    main()
