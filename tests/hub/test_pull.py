"""What a pull brings, checks and refuses."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.hub.folder import make_folder
from tests.support.hub.publish import PULLED, WHOLE, contents, head, publish, put
from tests.support.hub.server.store import git_blob
from zoo.generators.folder import GeneratorFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.hub.fixtures"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_pull_brings_equal_bytes_into_the_cache(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    put(hub, {"install.py": b"raise SystemExit('never fetched')", "onnx/other.onnx": b"?"})
    ran = you.zoo("pull", "me/camel")
    snapshot = you.home / "hf/hub/models--me--camel/snapshots" / head(hub)
    assert (ran.code, ran.out) == (0, f"{snapshot}\n")
    assert ran.err == (f"me/camel: main is commit {head(hub)}\nMake pictures with `zoo generate me/camel`\n")
    assert contents(snapshot) == contents(folder, PULLED)


def test_pull_by_branch_tag_and_commit(hub: Hub, me: Person, you: Person, folder: Path) -> None:
    assert me.zoo("push", "me/camel", folder).code == 0
    first, old = head(hub), contents(folder, WHOLE)
    repo = hub.store.load("models", "me/camel")
    assert repo is not None
    repo["tags"]["v1"] = repo["branches"]["old"] = first
    hub.store.save(repo)
    assert me.zoo("push", "me/camel", make_folder(folder, seed=1)).code == 0
    for revision in ("v1", "old", first):
        to = you.home / revision
        ran = you.zoo("pull", f"me/camel@{revision}", "--to", to)
        assert (ran.code, ran.out) == (0, f"{to}\n")
        assert ran.err == f"me/camel: {revision} is commit {first}\nMake pictures with `zoo generate {to}`\n"
        assert contents(to, WHOLE) == old
        assert json.loads((to / "pulled.json").read_bytes()) == {
            "hub": hub.url,
            "repo": "me/camel",
            "revision": revision,
            "commit": first,
        }
        assert not any(path.is_symlink() for path in to.rglob("*"))
    assert you.zoo("pull", "me/camel@main", "--to", "new").code == 0
    assert contents(you.home / "new", WHOLE) == contents(folder, WHOLE) != old


DAMAGED = [("onnx/model.onnx", "/x/get/"), ("samples.png", "samples.png"), ("config.json", "config.json")]


@pytest.mark.parametrize("path", [path for _, path in DAMAGED])
def test_a_flipped_byte_on_the_way_is_found_and_the_file_asked_for_once_more(
    hub: Hub, you: Person, folder: Path, path: str
) -> None:
    publish(hub, folder)
    fault = hub.fault("corrupt", path=path, method="GET", after=40)
    ran = you.zoo("pull", "me/camel", "--to", "it")
    assert (ran.code, ran.out, fault.fired) == (0, "it\n", 1)
    assert contents(you.home / "it", WHOLE) == contents(folder, WHOLE)


@pytest.mark.parametrize(("name", "path"), DAMAGED)
def test_a_byte_that_is_flipped_every_time_ends_the_pull_and_leaves_nothing_wrong(
    hub: Hub, you: Person, folder: Path, name: str, path: str
) -> None:
    publish(hub, folder)
    fault = hub.fault("corrupt", path=path, method="GET", after=40, times=2)
    ran = you.zoo("pull", "me/camel", "--to", "it")
    data = bytearray((folder / name).read_bytes())
    data[40] ^= 0xFF
    large = name.endswith(".onnx")
    kind, digest = ("sha256", sha256) if large else ("git id", git_blob)
    found, wanted = digest(bytes(data))[:12], digest((folder / name).read_bytes())[:12]
    assert (ran.code, ran.out, ran.err, fault.fired) == (
        4,
        "",
        f"me/camel: {name}: its {kind} is {found}..., the Hub says {wanted}..., twice. "
        "The copy was removed: look at what is between you and the Hub, then pull again\n",
        2,
    )
    assert not (you.home / "it").exists()
    assert you.zoo("pull", "me/camel", "--to", "it").code == 0
    assert contents(you.home / "it", WHOLE) == contents(folder, WHOLE)


@pytest.mark.parametrize("name", ["samples.png", "model.safetensors"])
def test_what_belies_its_own_list_was_published_so(hub: Hub, you: Person, folder: Path, name: str) -> None:
    publish(hub, folder)
    record = GeneratorFolder.open(folder).config.files[name]
    put(hub, {name: bytes(record.size)})
    ran = you.zoo("pull", "me/camel", "--to", "it")
    found, listed = sha256(bytes(record.size))[:12], record.sha256[:12]
    clause = f"me/camel: {name}: its sha256 is {found}..., config.json says {listed}..."
    assert (ran.code, ran.err) == (4, f"{clause}. Ask its owner to push it again\n")
    put(hub, {name: b"abc"})
    ran = you.zoo("pull", "me/camel", "--to", "it")
    sentence = (
        f"me/camel: {name}: it has 3 bytes, config.json says {record.size}. Ask its owner to push it again\n"
    )
    assert (ran.code, ran.err) == (4, sentence)
    # Sizes, and the hashes of large files, are compared before anything large is fetched.
    assert not any(entry.host == "cdn" for entry in hub.log) or name == "samples.png"


def test_a_cut_download_goes_on(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    hub.fault("drop", path="/x/get/", method="GET", after=100)
    assert you.zoo("pull", "me/camel", "--to", "it").code == 0
    assert contents(you.home / "it", WHOLE) == contents(folder, WHOLE)
    # The model in two parts, and the weights.
    assert sum(entry.host == "cdn" and entry.method == "GET" for entry in hub.log) == 3


def test_a_file_without_a_listed_sha256_is_refused(hub: Hub, you: Person, folder: Path) -> None:
    (folder / "config.json").write_text(
        GeneratorFolder.open(folder).config.model_copy(update={"files": {}}).model_dump_json()
    )
    put(hub, contents(folder, ["config.json", "onnx/model.onnx"]))
    ran = you.zoo("pull", "me/camel")
    assert (ran.code, ran.err) == (
        4,
        "me/camel: onnx/model.onnx: config.json lists no sha256 for it. Ask its owner to push it again\n",
    )


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"model.bin": b"?"}, "it holds no config.json, so it is no generator of a zoo. Check the name"),
        (
            {"config.json": b'{"model_type": "bert"}', "onnx/model.onnx": b"?"},
            "config.json: library: Field required. It is no generator of a zoo: check the name",
        ),
        (
            {"config.json": b"[", "onnx/model.onnx": b"?"},
            "config.json: it is no JSON: Expecting value: line 1 column 2 (char 1). "
            "It is no generator of a zoo: check the name",
        ),
    ],
)
def test_a_repository_that_holds_something_else(
    hub: Hub, you: Person, files: dict[str, bytes], sentence: str
) -> None:
    put(hub, files)
    ran = you.zoo("pull", "me/camel")
    assert (ran.code, ran.err) == (3, f"me/camel: {sentence}\n")
    assert not any("onnx" in entry.path for entry in hub.log)


def test_a_generator_that_was_never_exported(hub: Hub, you: Person, folder: Path) -> None:
    put(hub, contents(folder, ["config.json"]))
    ran = you.zoo("pull", "me/camel")
    sentence = "me/camel: it holds no onnx/model.onnx. Ask its owner to push it with `zoo push`\n"
    assert (ran.code, ran.err) == (3, sentence)


def test_a_folder_with_something_in_it_stays_as_it_is(you: Person) -> None:
    (you.home / "mine").mkdir(parents=True)
    (you.home / "mine/notes.txt").write_text("keep")
    ran = you.zoo("pull", "me/camel", "--to", "mine")
    assert (ran.code, ran.err) == (3, "mine: it exists and is not empty. Give --to a new folder\n")
    assert contents(you.home / "mine") == {"notes.txt": b"keep"}


@pytest.mark.parametrize("offline", ["", "1"])
def test_without_the_hub_the_cached_copy_serves(hub: Hub, you: Person, folder: Path, offline: str) -> None:
    publish(hub, folder)
    assert you.zoo("pull", "me/camel", "--to", "before").code == 0
    hub.fault("refuse", times=0)
    ran = you.zoo("pull", "me/camel", "--to", "it", HF_HUB_OFFLINE=offline)
    assert (ran.code, ran.out) == (0, "it\n")
    assert ran.err.startswith(
        f"me/camel: the Hub cannot be reached; using the cached copy of commit {head(hub)[:12]}\n"
    )
    assert contents(you.home / "it", WHOLE) == contents(folder, WHOLE)


def test_a_cached_copy_without_weights_is_no_whole_folder(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    assert you.zoo("pull", "me/camel").code == 0
    hub.fault("refuse", times=0)
    assert you.zoo("pull", "me/camel").code == 0
    ran = you.zoo("pull", "me/camel", "--to", "it", ZOO_HUB_TIMEOUT="1")
    assert ran.code == 6
    assert ran.err.startswith(f"me/camel: {hub.url} cannot be reached (")
    assert not (you.home / "it").exists()


def test_a_pulled_folder_is_whole_and_can_be_pushed_again(hub: Hub, me: Person, folder: Path) -> None:
    publish(hub, folder)
    assert me.zoo("pull", "me/camel", "--to", "mine").code == 0
    assert {*GeneratorFolder.open(me.home / "mine").verify().config.files} == {*WHOLE} - {
        "README.md",
        "config.json",
    }
    ran = me.zoo("push", "me/other", "mine")
    assert (ran.code, ran.out) == (0, f"{hub.url}/me/other\n")


def test_a_whole_folder_needs_the_listed_weights(hub: Hub, you: Person, folder: Path) -> None:
    put(hub, contents(folder, ["config.json", "onnx/model.onnx", "onnx/report.json", "samples.png"]))
    ran = you.zoo("pull", "me/camel", "--to", "it")
    sentence = "me/camel: it holds no model.safetensors. Ask its owner to push it with `zoo push`\n"
    assert (ran.code, ran.err) == (3, sentence)
    assert you.zoo("pull", "me/camel").code == 0


def test_pull_imports_no_torch(hub: Hub, you: Person, folder: Path) -> None:
    publish(hub, folder)
    code = (
        "import sys; from zoo_hub.pull import pull; import zoo_hub.hooks\n"
        "assert 'huggingface_hub' not in sys.modules\n"
        "pull('me/camel')\n"
        "print(sorted({'torch', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    ran = you.python("-c", code)
    assert (ran.code, ran.out, ran.err) == (0, "[]\n", "")
