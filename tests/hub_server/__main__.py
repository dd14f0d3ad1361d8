"""`python -m tests.hub_server`: a Hub here, to try `zoo push` and `zoo pull` without an account."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.hub_server.hub import Hub


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.hub_server", description=__doc__)
    parser.add_argument(
        "--root", type=Path, default=Path("hubdata"), help="where repositories are kept (hubdata)"
    )
    parser.add_argument("--port", type=int, default=8090, help="8090; 0 takes a free one")
    parser.add_argument(
        "--user",
        action="append",
        default=[],
        metavar="NAME:TOKEN",
        help="who may write to NAME/...; again for more people (me:hf_me)",
    )
    return parser.parse_args()


def main() -> int:
    """Serve until Ctrl-C; return the exit code."""
    arguments = parse_arguments()
    people = [user.partition(":") for user in arguments.user or ["me:hf_me"]]
    for name, _, token in people:
        if not name or not token:
            print(f"hub: --user {name}: it has no token. Give NAME:TOKEN, as in me:hf_me", file=sys.stderr)
            return 2
    users = {token: name for name, _, token in people}
    try:
        hub = Hub(arguments.root, users, arguments.port)
    except OSError as error:
        reason = error.strerror or error
        print(f"hub: port {arguments.port}: {reason}. Give another one with --port", file=sys.stderr)
        return 1
    with hub:
        name, _, token = people[0]
        print(f"A Hub for {name!r} is at {hub.url}, kept in {arguments.root}. Ctrl-C stops it.")
        print("In another terminal, paste:\n")
        print(f"export HF_ENDPOINT={hub.url} HF_TOKEN={token} HF_HUB_DISABLE_XET=1", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
