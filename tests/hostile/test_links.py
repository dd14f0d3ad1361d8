"""Links that a stranger's folder or a guess puts in the way: nothing is read or written through them."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import zoo as library
from tests.support.handmade import build, config
from tests.support.hub.folder import make_folder
from tests.support.hub.publish import the_repo
from zoo.errors import InputError, IntegrityError, ResourceError
from zoo.generators.files import CARD, CONFIG, ONNX, REPORT, SAMPLES, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.runs.metrics_log import MetricsLog
from zoo.runs.record import read_record
from zoo.system.atomic import new_file, new_folder, write_atomic
from zoo.system.regular_files import open_inside, open_regular, open_to_append, read_regular
from zoo_export.export import export_copy
from zoo_hub.repository.publishable import staged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.cli_fixtures import Zoo
    from tests.support.hub.fixtures import Person
    from tests.support.hub.server.hub import Hub

pytest_plugins = ["tests.support.cli_fixtures", "tests.support.hub.fixtures"]

SECRET = b"hf_a_secret_that_no_one_is_to_see"
KINDS = ("fifo", "socket", "device", "folder", "link to a fifo")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    return path


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path, str], None]]:
    """Give a function that puts something that is no regular file in a file's place."""
    sockets: list[socket.socket] = []

    def put(path: Path, kind: str) -> None:
        path.unlink(missing_ok=True)
        if kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            monkeypatch.chdir(path.parent)  # its path may not be long
            sockets.append(socket.socket(socket.AF_UNIX))
            sockets[-1].bind(path.name)
        elif kind == "device":
            path.symlink_to("/dev/zero")
        elif kind == "folder":
            path.mkdir()
        else:
            os.mkfifo(path.with_name("pipe"))
            path.symlink_to("pipe")

    yield put
    for open_one in sockets:
        open_one.close()


def in_time(call: Callable[[], object]) -> None:
    """Call, and fail where it does not come back."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it waits"
    if failed:
        raise failed[0]


@pytest.mark.parametrize("name", [CARD, CONFIG, SAMPLES, ONNX, WEIGHTS, REPORT])
def test_a_link_to_a_secret_is_not_published(
    hub: Hub, me: Person, folder: Path, secret: Path, name: str
) -> None:
    if name != CARD:
        secret.write_bytes((folder / name).read_bytes())  # even where its hash is known
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(secret)
    for arguments in (["--dry-run"], []):
        ran = me.zoo("push", "me/camel", folder, *arguments)
        assert ran.code == 3, ran.err
        assert "it is a link, which is not followed here" in ran.err
    assert not any(entry.method in ("POST", "PUT") for entry in hub.log)


def test_a_linked_folder_in_a_generators_is_not_published(hub: Hub, me: Person, folder: Path) -> None:
    (folder / "onnx").rename(folder.parent / "elsewhere")
    (folder / "onnx").symlink_to(folder.parent / "elsewhere")
    ran = me.zoo("push", "me/camel", folder)
    assert (ran.code, "onnx: " in ran.err or "link" in ran.err) == (3, True)
    assert not any(entry.method in ("POST", "PUT") for entry in hub.log)


def test_a_generator_that_its_owner_links_to_is_published(hub: Hub, me: Person, folder: Path) -> None:
    (folder.parent / "disk").mkdir()
    folder.rename(folder.parent / "disk" / "generator")
    folder.symlink_to(folder.parent / "disk" / "generator")
    assert me.zoo("push", "me/camel", folder).code == 0
    tree = the_repo(hub)["commits"][the_repo(hub)["branches"]["main"]]["tree"]
    assert CARD in tree


def test_what_is_published_is_what_was_checked(folder: Path, tmp_path: Path) -> None:
    opened = GeneratorFolder.open(folder)
    (tmp_path / "staged").mkdir()
    files = staged(opened, "the card", tmp_path / "staged")
    (folder / ONNX).write_bytes(SECRET)
    (folder / CONFIG).write_bytes(SECRET)
    assert all(SECRET not in path.read_bytes() for path in files.values())
    (tmp_path / "again").mkdir()
    with pytest.raises((InputError, IntegrityError)):
        staged(opened, "the card", tmp_path / "again")


def test_an_exported_copy_takes_no_secret_with_it(tmp_path: Path, secret: Path) -> None:
    folder = tmp_path / "generator"
    GeneratorFolder.write(folder, {WEIGHTS: b"w", ONNX: build().SerializeToString()}, config())
    (folder / CARD).symlink_to(secret)
    with pytest.raises(InputError, match=r"README\.md: it cannot be read: it is a link"):
        export_copy(GeneratorFolder.open(folder), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_links_of_the_hubs_cache_are_followed_and_no_others(tmp_path: Path, secret: Path) -> None:
    repo = tmp_path / "models--me--camel"
    snapshot = repo / "snapshots" / ("c" * 40)
    (snapshot / "onnx").mkdir(parents=True)
    (repo / "blobs").mkdir()
    (repo / "blobs" / ("a" * 64)).write_bytes(b"model")
    (snapshot / ONNX).symlink_to(f"../../../blobs/{'a' * 64}")
    with open_inside(snapshot, ONNX) as file:
        assert file.read() == b"model"
    shared = tmp_path / "blobs" / "bb" / ("b" * 64)
    shared.parent.mkdir(parents=True)
    shared.write_bytes(b"shared")
    (repo / "blobs" / ("d" * 40)).symlink_to(f"../../blobs/bb/{'b' * 64}")
    (snapshot / CONFIG).symlink_to(f"../../blobs/{'d' * 40}")
    with open_inside(snapshot, CONFIG) as file:
        assert file.read() == b"shared"

    (repo / "blobs" / ("e" * 40)).symlink_to(secret)
    (repo / "blobs" / "notes").write_bytes(SECRET)
    (tmp_path / ("f" * 40)).write_bytes(SECRET)
    for number, target in enumerate(
        [
            f"../../blobs/{'e' * 40}",
            "../../blobs/notes",
            f"../../../{'f' * 40}",
            str(secret),
            "loop-3",
            "loop-4",
        ]
    ):
        (snapshot / f"loop-{number}").symlink_to(target)
        with pytest.raises(OSError, match="it is a link"):
            open_inside(snapshot, f"loop-{number}")


def test_a_guessed_scratch_name_overwrites_nothing(tmp_path: Path, secret: Path) -> None:
    """The names of release 0.2.0, and what it would have written through."""
    pid = os.getpid()
    for guess in (f".out.tmp-{pid}", f"out.tmp-{pid}"):
        (tmp_path / guess).symlink_to(secret)
    write_atomic(tmp_path / "out", b"mine")
    with new_folder(tmp_path / "folder") as scratch:
        (scratch / "a").write_bytes(b"a")
    assert secret.read_bytes() == SECRET


def test_a_scratch_file_is_made_anew_and_never_through_a_link(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.system.scratch.scratch_name", lambda name: f"{name}.tmp-1-{'0' * 16}")
    guessed = tmp_path / f".out.tmp-1-{'0' * 16}"
    for target in (secret, tmp_path / "nothing"):
        guessed.symlink_to(target)
        with pytest.raises(ResourceError, match="File exists"):
            write_atomic(tmp_path / "out", b"mine")
        guessed.unlink(missing_ok=True)
    (tmp_path / f"out.tmp-1-{'0' * 16}").symlink_to(tmp_path)
    with pytest.raises(ResourceError, match="File exists"), new_folder(tmp_path / "out"):
        pass
    assert secret.read_bytes() == SECRET
    assert not (tmp_path / "nothing").exists()
    assert not (tmp_path / "out").exists()


def test_names_and_modes_of_scratch_files(tmp_path: Path) -> None:
    names, before = set(), os.umask(0o027)
    try:
        for _ in range(20):
            with new_file(tmp_path / ("n" * 200 + ".npy")) as file:
                names |= {path.name for path in tmp_path.iterdir() if ".tmp-" in path.name}
                file.write(b"x")
    finally:
        os.umask(before)
    assert len(names) == 20
    (made,) = tmp_path.iterdir()
    assert stat.S_IMODE(made.stat().st_mode) == 0o640


def test_a_strangers_run_writes_to_no_file_of_ours(tmp_path: Path, secret: Path) -> None:
    log = MetricsLog(tmp_path)
    log.path.symlink_to(secret)
    with pytest.raises(ResourceError, match="it is a link, which is not followed here"):
        log.write({"step": 1})
    with pytest.raises(ResourceError):
        log.cut_back(0)
    assert secret.read_bytes() == SECRET


def test_runs_on_another_disk_are_trained(tiny: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "runs").symlink_to(disk)
    run = library.train(str(tiny), steps=1, out=tmp_path / "runs" / "mine")
    (run / "checkpoints").rename(disk / "moved")
    (run / "checkpoints").symlink_to(disk / "moved")
    library.resume(run, steps=2)
    assert read_record(disk / "mine").step == 2


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_refused_at_once(
    tmp_path: Path, put: Callable[[Path, str], None], kind: str
) -> None:
    path = tmp_path / "file"
    put(path, kind)
    for read in (
        lambda: open_regular(path),
        lambda: read_regular(path, 10),
        lambda: open_inside(tmp_path, "file"),
        lambda: open_to_append(path),
    ):
        with pytest.raises(OSError, match=r"it is (no regular file|a folder|a link)|Is a directory"):
            in_time(read)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [CONFIG, CARD, SAMPLES, ONNX, WEIGHTS, REPORT])
def test_it_is_refused_in_a_generator(
    tmp_path: Path, put: Callable[[Path, str], None], zoo: Zoo, name: str, kind: str
) -> None:
    folder = make_folder(tmp_path / "generator")
    put(folder / name, kind)
    if name not in (CARD, SAMPLES):
        command = ["export", folder, "--onnx"] if name in (WEIGHTS, REPORT) else ["generate", folder]
        ran = zoo(*command)
        assert ran.code in (3, 4), ran.err
    opened = None if name == CONFIG else GeneratorFolder.open(folder)
    if opened is not None:
        with pytest.raises((InputError, IntegrityError)):
            in_time(opened.read_card if name == CARD else opened.verify)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "command", ["info {}.toml", "train {}.toml", "generate {}.onnx", "info {}.onnx", "info {}"]
)
def test_it_is_refused_on_the_command_line(
    tmp_path: Path, put: Callable[[Path, str], None], zoo: Zoo, command: str, kind: str
) -> None:
    word, _, path = command.format(tmp_path / "it").partition(" ")
    put(Path(path), kind)
    ran = zoo(word, path)
    assert ran.code in (2, 3), ran.err
    assert ran.err.count("\n") == 1
