"""`zoo hub serve`, as people start it and as the real client uses it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.support.hub.folder import make_folder
from tests.support.hub.publish import WHOLE, contents
from zoo_hub.server.hub import LocalHub
from zoo_hub.server.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.hub.fixtures import Person

ZOO = [sys.executable, "-m", "zoo", "hub", "serve"]


@contextmanager
def serving(cwd: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Give a running `zoo hub serve` and the two lines it prints on stdout."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [*ZOO, *arguments],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, [process.stdout.readline() for _ in range(2)]
        finally:
            process.kill()


def person(home: Path, url: str, token: str | None) -> Person:
    # pytest wants to see the fixtures' module before anybody imports it.
    from tests.support.hub.fixtures import Person

    return Person(home, url, token)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_says_what_to_paste_and_stops_tidily(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with serving(tmp_path, "data", "--port", "0", "--user", "ann:tok1", "--user", "bob:tok2") as (
        process,
        lines,
    ):
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    url = lines[0].split()[1].removeprefix("HF_ENDPOINT=")
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert lines == [f"export HF_ENDPOINT={url} HF_HUB_DISABLE_XET=1\n", "export HF_TOKEN=tok1  # ann\n"]
    assert said == (
        f"A Hub at {url}, kept in data; ann, bob may write. Ctrl-C stops it.\n"
        "To use it, paste this into another terminal:\n"
        "Stopped. Everything that was pushed is in data\n"
    )
    assert process.returncode == code


def test_without_users_the_made_up_token_stays(tmp_path: Path) -> None:
    tokens = []
    for _ in range(2):
        with serving(tmp_path, "--port", "0") as (_, lines):
            tokens.append(lines[1])
    assert re.fullmatch(r"export HF_TOKEN=hf_[0-9a-f]{32}  # me\n", tokens[0])
    assert tokens[0] == tokens[1]
    assert (tmp_path / "zoo-hub/token").stat().st_mode & 0o077 == 0
    assert (tmp_path / "zoo-hub").stat().st_mode & 0o077 == 0


def test_serving_to_the_network_warns(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0", "--host", "0.0.0.0") as (process, lines):
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert re.match(
        r"zoo: warning: anyone in the network can reach http://0\.0\.0\.0:\d+: public repositories are read without a "
        r"token, writing and private ones need one, and nothing is encrypted, tokens included\n",
        said,
    )
    assert "0.0.0.0" not in lines[0]


def fails(tmp_path: Path, *arguments: str) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [*ZOO, *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_taken_port_and_a_taken_folder(tmp_path: Path) -> None:
    with LocalHub(tmp_path / "data", {}) as hub:
        port = hub.url.rpartition(":")[2]
        assert fails(tmp_path, "other", "--port", port) == (
            6,
            f"zoo: error: 127.0.0.1:{port}: Address already in use. Give another --port, or another --host\n",
        )
        assert fails(tmp_path, "data", "--port", "0") == (
            7,
            "zoo: error: data: another process serves it. Stop that, or give another folder\n",
        )
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("users", "sentence"),
    [
        (
            ["me"],
            "--user me: NAME or TOKEN is missing, too short, or cannot be one. Give NAME:TOKEN, as in me:hf_me",
        ),
        (
            ["a/b:token"],
            "--user a/b: NAME or TOKEN is missing, too short, or cannot be one. Give NAME:TOKEN, as in me:hf_me",
        ),
        (["a:same", "b:same"], "--user b: a has the same token. Give everybody their own"),
    ],
)
def test_users_that_cannot_be(tmp_path: Path, users: list[str], sentence: str) -> None:
    arguments = [word for user in users for word in ("--user", user)]
    assert fails(tmp_path, *arguments) == (3, f"zoo: error: {sentence}\n")
    assert not (tmp_path / "zoo-hub").exists()


@pytest.mark.parametrize("package", ["starlette", "uvicorn"])
def test_without_the_extra_it_says_what_to_install(tmp_path: Path, package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; sys.argv = ['zoo', 'hub', 'serve', '--port', '0']\n"
    code += "from zoo.cli.main import main; main()"
    ran = person(tmp_path / "me", "http://127.0.0.1:9", None).python("-c", code)
    assert (ran.code, ran.out) == (3, "")
    install = 'pip install "gan-model-zoo[hub]"'
    assert ran.err == f"zoo: error: {package} is not installed, and this needs it. Run {install}\n"
    assert list((tmp_path / "me").iterdir()) == []


CLIENT = """
import sys
from pathlib import Path
from huggingface_hub import HfApi, snapshot_download
api = HfApi()
assert api.whoami()["name"] == "me"
api.create_repo("me/thing", private=True)
folder = Path("thing"); (folder / "a/b").mkdir(parents=True)
(folder / "README.md").write_text("---\\nlicense: mit\\ntags: [x]\\n---\\nHello.\\n")
(folder / "a/b/large.bin").write_bytes(bytes(range(256)) * 1000)
first = api.upload_folder(repo_id="me/thing", folder_path=folder).oid
api.create_branch("me/thing", branch="dev")
api.create_tag("me/thing", tag="v1")
api.delete_folder("a", repo_id="me/thing", revision="dev")
left = [file.rfilename for file in api.model_info("me/thing", revision="dev").siblings]
assert left == [".gitattributes", "README.md"]
refs = api.list_repo_refs("me/thing")
assert {tag.name: tag.target_commit for tag in refs.tags} == {"v1": first}
assert sorted(branch.name for branch in refs.branches) == ["dev", "main"]
(found,) = api.list_models(author="me", search="thi", filter="x", cardData=True)
assert (found.id, found.private, found.card_data.license, found.downloads) == ("me/thing", True, "mit", None)
for nothing in (api.list_models(filter="y"), api.list_models(author="you"), HfApi(token=False).list_models()):
    assert list(nothing) == []
there = Path(snapshot_download("me/thing", revision="v1"))
assert (there / "a/b/large.bin").read_bytes() == (folder / "a/b/large.bin").read_bytes()
assert [commit.title for commit in api.list_repo_commits("me/thing")][-1] == "initial commit"
api.update_repo_settings("me/thing", visibility="public")
assert [model.id for model in HfApi(token=False).list_models()] == ["me/thing"]
api.delete_repo("me/thing")
assert not api.repo_exists("me/thing")
"""


def test_the_real_client_finds_what_it_needs(tmp_path: Path) -> None:
    with LocalHub(tmp_path / "data", {"hf_me": "me"}) as hub:
        ran = person(tmp_path / "me", hub.url, "hf_me").python("-c", CLIENT)
    assert (ran.code, ran.out) == (0, ""), ran.err


def test_a_class_room_pushes_and_pulls(tmp_path: Path) -> None:
    """On one address, the server as it is: no second origin, no faults."""
    folder = make_folder(tmp_path / "generator")
    with LocalHub(tmp_path / "data", {"hf_me": "me", "hf_you": "you"}) as hub:
        me, you = person(tmp_path / "me", hub.url, "hf_me"), person(tmp_path / "you", hub.url, "hf_you")
        assert me.zoo("push", "me/camel", folder).code == 0
        assert me.zoo("push", "me/secret", folder, "--private").code == 0
        ran = you.zoo("pull", "me/camel", "--to", "it")
        assert ran.code == 0, ran.err
        assert (
            contents(you.home / "it", WHOLE)["onnx/model.onnx"] == (folder / "onnx/model.onnx").read_bytes()
        )
        assert you.zoo("pull", "me/secret").code == 6
        assert me.zoo("pull", "me/secret").code == 0
    with LocalHub(tmp_path / "data", {}) as again:
        assert person(you.home, again.url, None).zoo("pull", "me/camel", "--to", "again").code == 0


COMMITTING = """
import sys
from pathlib import Path
from zoo_hub.server.store import Store
store = Store(Path(sys.argv[1]))
repo = store.load("models", "me/camel") or store.create("models", "me/camel", "me", private=False)
for number in range(10_000):
    sha = store.commit(repo, "main", {"n": store.put(b"%d" % number)}, str(number), "", "me")
    del repo["commits"][repo["commits"][sha]["parent"]]
    repo["commits"][sha]["parent"] = None
    print(sha, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_commit_that_was_answered_is_there_after_a_kill(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for seconds in (0.05, 0.1, 0.13, 0.17, 0.2):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with subprocess.Popen(
            [sys.executable, "-c", COMMITTING, str(root)], env=environment, text=True, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            answered = [process.stdout.readline().strip()]
            time.sleep(seconds)
            process.kill()
            answered += process.stdout.read().split()
        store = Store(root)
        repo = store.load("models", "me/camel")
        store.close()
        assert repo is not None
        head = repo["branches"]["main"]
        assert answered[-1] in (head, *repo["commits"], repo["commits"][head]["parent"])
        entry = repo["commits"][head]["tree"]["n"]
        assert store.path(entry).stat().st_size == entry["size"]
        assert not list(root.rglob(".tmp-*"))
