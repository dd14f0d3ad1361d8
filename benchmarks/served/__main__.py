"""Holds idle and slow connections to a `zoo hub serve` of its own, and times honest requests meanwhile.

python -m benchmarks.served [--idle 1000] [--slow 100] [--clients 50] [--requests 20]

Everything comes from one address. A third of the slow connections sends a head and a third the body of a commit, a
byte every 10 s; a third asks for 64 MB and reads nothing. Each honest client asks for a file of 100 kB, with a pause of
half a second between its requests, over a new connection each time. What the server closes comes again.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.served.crowd import SLOW_HEAD, Crowd, ask
from benchmarks.support.machine import machine
from zoo_hub.server.http.connections import allow_connections
from zoo_hub.server.store import Store

FILE = os.urandom(100_000)
LARGE = 64 << 20
BODY = (
    b"POST /api/models/me/camel/commit/main HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer hf_me\r\n"
    b"Content-Length: 9999\r\n\r\n"
)
DOWNLOAD = b"GET /me/camel/resolve/main/large HTTP/1.1\r\nHost: x\r\n\r\n"
PAUSE = 0.5


def fill(folder: Path) -> None:
    """Put a repository with a small and a large file into the folder."""
    store = Store(folder)
    repo = store.create("models", "me/camel", "me", private=False)
    tree = {"file": store.put(FILE), "large": store.put(bytes(LARGE))}
    store.commit(repo, "main", tree, "files", "", "me")
    store.close()


def main() -> None:
    """Print what the honest clients got, without the crowd and with it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, count in (("idle", 1000), ("slow", 100), ("clients", 50), ("requests", 20)):
        parser.add_argument(f"--{name}", type=int, default=count)
    arguments = parser.parse_args()
    allow_connections()
    with tempfile.TemporaryDirectory() as scratch:
        fill(Path(scratch))
        command = [sys.executable, "-m", "zoo", "hub", "serve", scratch, "--port", "0", "--user", "me:hf_me"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                found = re.search(r"HF_ENDPOINT=(\S+)", process.stdout.readline())
                assert found is not None
                measure(found[1], arguments)
            finally:
                process.terminate()
    print(machine())


def measure(url: str, arguments: argparse.Namespace) -> None:
    """Print both rows."""
    path = "/me/camel/resolve/main/file"
    print("alone:", ask(url, path, FILE, arguments.clients, arguments.requests, PAUSE), flush=True)
    with Crowd(url, arguments.idle, arguments.slow, (SLOW_HEAD, BODY, DOWNLOAD)) as crowd:
        served = ask(url, path, FILE, arguments.clients, arguments.requests, PAUSE)
        print(f"beside {arguments.idle} idle and {arguments.slow} slow connections: {served}")
        print(f"of those {crowd.held()} were open at the end; {crowd.reopened} were opened again")


if __name__ == "__main__":
    main()
