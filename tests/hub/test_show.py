"""A published generator in other people's hands: equal everywhere, in parallel, offline, and with little room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.hub.folder import make_folder, tiny_onnx
from tests.support.hub.publish import PULLED, WHOLE, WITH_WEIGHTS, contents, head, publish, put, the_repo
from tests.support.hub.pulls import Pulls
from zoo.generators.files import ONNX
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]

DRAW = """
import hashlib, sys
from zoo_export.runtime.session import OnnxGenerator
from zoo_hub.hooks import zoo_open_generator
name = sys.argv[1]
generator = OnnxGenerator(name) if name.endswith(".onnx") else zoo_open_generator(name)
print(hashlib.sha256(generator.sample(5, seed=3).tobytes()).hexdigest())
"""


def snapshot(hub: Hub, person: Person) -> Path:
    return person.home / "hf/hub/models--me--camel/snapshots" / head(hub)


def test_equal_bytes_and_pictures_by_branch_tag_and_commit_for_two_people(
    hub: Hub, me: Person, you: Person, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "generator")
    assert me.zoo("push", "me/camel", folder).code == 0
    commit = head(hub)
    repo = the_repo(hub)
    repo["tags"]["v1"] = commit
    hub.store.save(repo)
    drawn = me.python("-c", DRAW, str(folder / ONNX)).out
    people = [you, replace(you, home=tmp_path / "third")]
    for person, names in zip(people, (["me/camel", "me/camel@v1"], [f"me/camel@{commit}"]), strict=True):
        for name in names:
            ran = person.zoo("pull", name)
            assert (ran.code, ran.out) == (0, f"{snapshot(hub, person)}\n")
            assert person.python("-c", DRAW, name).out == drawn
        assert contents(snapshot(hub, person)) == contents(folder, PULLED)


def test_a_second_pull_downloads_no_file(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    assert you.zoo("pull", "me/camel").code == 0
    hub.log.clear()
    assert you.zoo("pull", "me/camel").code == 0
    # Once a day the client also asks for something on its own account.
    asked = [(entry.method, entry.path) for entry in hub.log if entry.path != "/api/agent-harnesses"]
    assert asked == [("GET", "/api/models/me/camel")]


def test_four_pulls_at_once_into_one_cache(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    hub.fault("slow", path="/x/get/", delay=2.0)  # longer than four processes need to start
    command = [sys.executable, "-m", "tests.support.hub.run", "pull", "me/camel"]
    settings = you.settings()
    running = [
        subprocess.Popen(command, env=settings, cwd=you.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert {code for _, _, code in ended} == {0}
    assert {out.decode().strip() for out, _, _ in ended} == {str(snapshot(hub, you))}
    assert contents(snapshot(hub, you)) == contents(folder, PULLED)
    # The first one downloads; the others wait and find it done.
    assert sum(entry.host == "cdn" for entry in hub.log) == 1
    waited = b"me/camel: another process pulls it too; waiting for that\n"
    assert any(err.startswith(waited) for _, err, _ in ended)


def test_a_private_repository_with_and_without_the_token(
    hub: Hub, me: Person, you: Person, folder: Path
) -> None:
    assert me.zoo("push", "me/camel", folder, "--private").code == 0
    friend = replace(you, home=you.home.parent / "friend", token="hf_me")
    with_token, without = friend.zoo("pull", "me/camel"), you.zoo("pull", "me/camel")
    assert (with_token.code, with_token.out) == (0, f"{snapshot(hub, friend)}\n")
    assert (without.code, without.out, without.err) == (
        6,
        "",
        f"me/camel: {hub.url} has no such repository, or it is private. "
        "Check the name, or set HF_TOKEN to a token that may read it\n",
    )
    assert hub.leaked_tokens == 0
    for person in (me, friend):
        assert not any(b"hf_me" in data for data in contents(person.home).values())
    assert "hf_me" not in with_token.out + with_token.err


@pytest.mark.parametrize("name", PULLED)
def test_a_damaged_cache_is_found_offline_and_mended_online(
    hub: Hub, you: Person, folder: Path, name: str
) -> None:
    publish(hub, folder)
    with Pulls(you) as pull:
        assert pull().code == 0
        blob = (snapshot(hub, you) / name).resolve()
        data = bytearray(blob.read_bytes())
        data[len(data) // 2] ^= 1
        for offline in (True, False):
            blob.write_bytes(data)
            if offline:
                hub.fault("refuse", times=0)
                outcome = pull(fresh=False)
                assert outcome.code == 4
                assert outcome.said.startswith(f"me/camel: {name}: its ")
                assert outcome.said.endswith(
                    "... The cached copy was removed: pull again where the Hub can be reached"
                )
                assert not blob.exists()
                hub.faults.clear()
            else:
                assert pull(fresh=False).code == 0
                assert contents(snapshot(hub, you)) == contents(folder, PULLED)


def test_ten_corruptions_of_equal_size(hub: Hub, you: Person, folder: Path) -> None:
    """`python -m benchmarks.hub_faults` makes fifty."""
    publish(hub, folder)
    paths = {name: hub.store.path(the_repo(hub)["commits"][head(hub)]["tree"][name]).name for name in WHOLE}
    with Pulls(you) as pull:
        for number in range(10):
            name = ("config.json", ONNX, "model.safetensors")[number % 3]
            path = "config.json" if name == "config.json" else paths[name]
            fault = hub.fault("corrupt", path=path, method="GET", after=37 * number, times=2)
            outcome = pull(extras=["weights"])
            assert (outcome.code, fault.fired) == (4, 2)
            assert outcome.said.startswith(f"me/camel: {name}: its ")
            assert pull(fresh=False, extras=["weights"]).code == 0
            assert contents(snapshot(hub, you)) == contents(folder, WITH_WEIGHTS)


def test_variants_come_when_asked_for(hub: Hub, you: Person, folder: Path) -> None:
    half = "onnx/model_fp16.onnx"
    GeneratorFolder.open(folder).add_files({half: tiny_onnx(1)})
    publish(hub, folder)
    put(hub, contents(folder, [half]))
    assert you.zoo("pull", "me/camel").code == 0
    assert contents(snapshot(hub, you)) == contents(folder, PULLED)
    assert you.zoo("pull", "me/camel", "--with", "fp16,weights").code == 0
    assert contents(snapshot(hub, you)) == contents(folder, [*WITH_WEIGHTS, half])
    assert you.zoo("pull", "me/camel", "--to", "some", "--with", "fp16").code == 0
    assert set(contents(you.home / "some")) == {*PULLED, half, "pulled.json"}
    assert you.zoo("pull", "me/camel", "--to", "all").code == 0
    assert contents(you.home / "all", [*WHOLE, half]) == contents(folder, [*WHOLE, half])
    assert set(GeneratorFolder.open(folder).config.files) < set(contents(you.home / "all"))
    missing = you.zoo("pull", "me/camel", "--with", "int8")
    sentence = "me/camel: it holds no onnx/model_int8.onnx. Ask its owner to push it with `zoo push`\n"
    assert (missing.code, missing.err) == (3, sentence)
    wrong = you.zoo("pull", "me/camel", "--with", "fp61")
    sentence = "--with fp61: there is no 'fp61'. Give some of fp16, int8, uint8, weights\n"
    assert (wrong.code, wrong.err) == (3, sentence)


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), resource.RLIM_INFINITY))
from tests.support.hub.run import main
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of a process")
def test_no_room(hub: Hub, you: Person, folder: Path) -> None:
    GeneratorFolder.open(folder).add_files({"model.safetensors": bytes(10_000)})
    publish(hub, folder)
    sizes = {name: len(data) for name, data in contents(folder, WITH_WEIGHTS).items()}
    cache = you.home / "hf/hub"
    ran = you.python("-c", LIMITED, str(sizes["config.json"] - 1), "pull", "me/camel")
    sentence = "me/camel: the cache cannot be written: File too large. Free space or set HF_HOME\n"
    assert (ran.code, ran.out, ran.err) == (5, "", sentence)
    limit = sizes["config.json"]
    ran = you.python("-c", LIMITED, str(limit), "pull", "me/camel", "--with", "weights")
    wanted = sum(sizes.values()) - sizes["config.json"]
    assert (ran.code, ran.out, ran.err) == (
        5,
        "",
        f"{cache}: it takes up to {wanted:,} bytes, and a file of this process may have {limit:,} (ulimit -f). "
        "Raise that limit\n",
    )
    assert not any(entry.host == "cdn" for entry in hub.log)
    assert not list(cache.rglob("*.incomplete"))
    assert you.zoo("pull", "me/camel").code == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_progress_bars_are_for_terminals(hub: Hub, you: Person, folder: Path) -> None:
    import termios

    publish(hub, folder)
    assert "onnx" not in you.zoo("pull", "me/camel").err
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (24, 80))
    command = [sys.executable, "-m", "tests.support.hub.run", "pull", "me/camel", "--with", "weights"]
    subprocess.run(
        command,
        env=you.settings(TERM="xterm"),
        cwd=you.home,
        stdout=subprocess.PIPE,
        stderr=follower,
        timeout=60,
    )
    os.close(follower)
    shown = os.read(leader, 100_000).decode()
    os.close(leader)
    assert "100%" in shown


def test_a_name_on_the_hub_says_what_its_folder_says(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    config = GeneratorFolder.open(folder).config

    ran = you.python(
        "-m", "zoo", "compare", "me/camel", str(folder), "--json", "--html", str(you.home / "page.html")
    )

    assert ran.code == 0
    published, here = (row["entries"][0] for row in json.loads(ran.out)["rows"])
    assert (published["kind"], here["kind"]) == ("name", "generator")
    for field in ("recipe", "seed", "step", "seconds", "hardware", "latent_dim", "onnx_bytes"):
        assert published[field] == here[field], field
    assert published["onnx_bytes"] == config.files[ONNX].size
    assert (you.home / "page.html").read_text().count("data:image/png") >= 1
