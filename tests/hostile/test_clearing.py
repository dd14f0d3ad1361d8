"""Clearing up removes what this process made, by name, and never what somebody else put there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from filelock import FileLock, Timeout

from tests.support.handmade import build, config
from zoo.errors import InputError, ResourceError
from zoo.generators.files import ONNX, REPORT, WEIGHTS
from zoo.generators.folder import GeneratorFolder
from zoo.runs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.checkpoints.clearing import drop_after, prune, sweep
from zoo.runs.checkpoints.names import checkpoints
from zoo.runs.claim import claimed
from zoo.runs.generator.write import _remove_onnx_files
from zoo.runs.lock import held
from zoo.system.atomic import new_file, new_folder, write_atomic
from zoo.system.scratch import is_scratch_name, scratch_name
from zoo_export.browser.folder import write_page
from zoo_export.cli.picture_files import LOCK, write_pictures
from zoo_hub.server.hub import LocalHub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

HOLDS_NEW_FILE = """
import sys, time
from pathlib import Path
from zoo.system.atomic import new_file

with new_file(Path(sys.argv[1])):
    print("writing", flush=True)
    time.sleep(60)
"""


def failing(then: Callable[[], object]) -> Iterator[NDArray[np.uint8]]:
    """Yield a picture, let somebody else do something, and fail as a stopped process does."""
    import numpy as np

    yield np.zeros((1, 4, 4), np.uint8)
    then()
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", ["a.npy", "a.png"])
def test_a_stopped_generate_leaves_others_files_in_its_new_folder(tmp_path: Path, name: str) -> None:
    out = tmp_path / "nd" / "sub" / name
    (tmp_path / "empty").mkdir()

    def theirs() -> None:
        (tmp_path / "nd").mkdir(exist_ok=True)
        (tmp_path / "nd" / "theirs.txt").write_text("theirs")

    with pytest.raises(KeyboardInterrupt):
        write_pictures(failing(theirs), 2, out=out, each=None)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty", "nd", "theirs.txt"]

    (tmp_path / "nd" / "theirs.txt").unlink()
    (tmp_path / "nd").rmdir()
    with pytest.raises(KeyboardInterrupt):
        write_pictures(failing(lambda: None), 2, out=out, each=None)
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"], "what is its own goes"


def test_a_stopped_generate_leaves_others_files_among_its_pictures(tmp_path: Path) -> None:
    each, out = tmp_path / "new" / "each", tmp_path / "out" / "a.npy"
    each.parent.mkdir()
    with pytest.raises(KeyboardInterrupt):
        write_pictures(failing(lambda: (each / "mine.txt").write_text("")), 2, out=out, each=each)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["each", "mine.txt", "new"]


def test_a_failure_while_pictures_are_moved_takes_back_those_that_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import numpy as np

    moved: list[Path] = []
    plain = Path.replace

    def third_fails(self: Path, to: Path) -> Path:
        if to.suffix == ".png" and len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(to)
        return plain(self, to)

    monkeypatch.setattr(Path, "replace", third_fails)
    with pytest.raises(KeyboardInterrupt):
        write_pictures(iter([np.zeros((4, 4, 4), np.uint8)]), 4, out=None, each=tmp_path / "each")
    assert len(moved) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_named_like_the_old_scratch_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "each" / ".tmp").mkdir(parents=True)
    with pytest.raises(InputError, match=r"it holds \.tmp, which 2 new pictures would not replace"):
        write_pictures(failing(lambda: None), 2, out=None, each=tmp_path / "each")
    assert (tmp_path / "each" / ".tmp").is_dir()


def test_a_start_that_fails_leaves_what_others_put_there(tmp_path: Path) -> None:
    run = tmp_path / "run"

    def start() -> None:
        with claimed(run, fresh=True):
            (run / "recipe.toml").write_text("ours")
            (run / ".notes.tmp-mine").write_text("theirs")
            (run / "theirs").mkdir()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        start()
    assert sorted(path.name for path in run.iterdir()) == [".notes.tmp-mine", "theirs"]


def test_a_sweep_knows_ours_by_name_kind_and_lock(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "state.json").write_text("theirs")
    run = tmp_path / "run"
    (run / "checkpoints" / "step-00000003.tmp-1").mkdir(parents=True)
    (run / "checkpoints" / "step-00000003.tmp-1" / "state.json").write_text("ours")
    (run / "checkpoints" / "step-00000004.tmp-1").mkdir()
    (run / "checkpoints" / "step-00000004.tmp-1" / "notes.txt").write_text("theirs")
    (run / "checkpoints" / "step-00000005.tmp-1").symlink_to(outside)
    (run / ".run.json.tmp-12").write_text("ours")
    (run / f"{scratch_name('.run.json')}").write_text("ours")
    kept = [".notes.tmp-old", ".a.tmp-12x", "x.tmp-12"]
    for name in kept:
        (run / name).write_text("theirs")
    (run / ".dir.tmp-12").mkdir()
    (run / ".link.tmp-12").symlink_to(outside / "state.json")
    (run / "mine").mkdir()
    (run / "mine" / ".run.json.tmp-12").write_text("in a folder that no training writes to")
    with new_file(run / "held") as file:
        sweep(run)
        names = sorted(path.name for path in run.iterdir())
        file.write(b"whole")

    assert [name for name in names if not name.startswith(".held.tmp-")] == sorted(
        ["checkpoints", "mine", ".dir.tmp-12", ".link.tmp-12", *kept]
    )
    assert any(name.startswith(".held.tmp-") for name in names), "what is being written stays"
    assert (run / "held").read_bytes() == b"whole"
    assert (outside / "state.json").read_text() == "theirs"
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "step-00000004.tmp-1",
        "step-00000005.tmp-1",
    ]


def test_what_another_process_writes_is_swept_once_it_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS_NEW_FILE, tmp_path / "file"], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        sweep(tmp_path)
        assert len(list(tmp_path.iterdir())) == 1
        process.kill()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_between_making_and_locking_costs_no_file(tmp_path: Path) -> None:
    ended = threading.Event()

    def sweeping() -> None:
        while not ended.is_set():
            sweep(tmp_path)

    sweeper = threading.Thread(target=sweeping)
    sweeper.start()
    try:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            write_atomic(tmp_path / "file", b"whole")
            assert (tmp_path / "file").read_bytes() == b"whole"
    finally:
        ended.set()
        sweeper.join()


def test_checkpoints_that_somebody_uses_are_not_pruned(tmp_path: Path) -> None:
    for step in range(1, 7):
        save_checkpoint(tmp_path, step, {"step": step})
    (tmp_path / "checkpoints" / "step-00000001" / "notes.txt").write_text("theirs")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "state.json").write_text("theirs")
    (tmp_path / "checkpoints" / "step-00000002" / "dir").mkdir()
    prune(tmp_path, best=None)

    assert [int(path.name[5:]) for path in checkpoints(tmp_path)] == [1, 2, 4, 5, 6]
    assert load_checkpoint(checkpoints(tmp_path)[0]) == {"step": 1}
    (tmp_path / "checkpoints" / "step-00000006" / "notes.txt").write_text("theirs")
    with pytest.raises(
        InputError,
        match=r"step-00000006: it holds notes\.txt, which is not ours, and the run goes on from step 5",
    ):
        drop_after(tmp_path, 5)
    assert (tmp_path / "checkpoints" / "step-00000006" / "notes.txt").read_text() == "theirs"


def test_a_linked_checkpoint_is_unlinked_and_not_emptied(tmp_path: Path) -> None:
    theirs = save_checkpoint(tmp_path / "theirs", 9, {"step": 9})
    for step in range(1, 4):
        save_checkpoint(tmp_path / "run", step, {"step": step})
    (tmp_path / "run" / "checkpoints" / "step-00000000").symlink_to(theirs)
    prune(tmp_path / "run", best=None)

    assert [int(path.name[5:]) for path in checkpoints(tmp_path / "run")] == [1, 2, 3]
    assert load_checkpoint(theirs) == {"step": 9}


def test_a_new_generator_removes_only_what_an_export_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "generator"
    GeneratorFolder.write(folder, {WEIGHTS: b"w", ONNX: build().SerializeToString(), REPORT: b"{}"}, config())
    (folder / "onnx" / "notes.txt").write_text("theirs")
    _remove_onnx_files(folder)
    assert [path.name for path in (folder / "onnx").iterdir()] == ["notes.txt"]

    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "model.onnx").write_text("theirs")
    (folder / "onnx" / "notes.txt").unlink()
    (folder / "onnx").rmdir()
    (folder / "onnx").symlink_to(theirs)
    _remove_onnx_files(folder)
    assert (theirs / "model.onnx").read_text() == "theirs"
    with pytest.raises(InputError, match=r"onnx: it is a link"):
        GeneratorFolder.open(folder).add_files({ONNX: b"ours"})
    assert (theirs / "model.onnx").read_text() == "theirs"


def test_a_page_replaces_its_own_files_only(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    page = {"page.json": b'{"made_by": "gan-model-zoo play page", "files": ["page.json", "models/a.onnx"]}'}
    write_page({**page, "models/a.onnx": b"a"}, out)
    write_page(page, out)
    assert [path.name for path in out.rglob("*")] == ["page.json"]

    def another_writes_meanwhile() -> Iterator[None]:
        with new_folder(out, 1, page.__contains__) as scratch:
            (scratch / "page.json").write_bytes(b"new")
            (out / "theirs.txt").write_text("theirs")
            yield

    with pytest.raises(
        InputError, match=r"demo: it holds theirs\.txt, which is not ours\. Move that elsewhere"
    ):
        list(another_writes_meanwhile())
    assert sorted(path.name for path in out.iterdir()) == ["page.json", "theirs.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo"]


def test_a_hub_is_served_from_a_hubs_folder_only(tmp_path: Path) -> None:
    theirs = tmp_path / "work" / "deep"
    theirs.mkdir(parents=True)
    (theirs / ".tmp-notes").write_text("theirs")
    (theirs / ".tmp-abcd1234").write_text("theirs")
    with pytest.raises(InputError, match=r"work: it holds deep, and no Hub was kept in it before"):
        LocalHub(tmp_path / "work", {})
    assert sorted(path.name for path in (tmp_path / "work").rglob("*")) == [
        ".tmp-abcd1234",
        ".tmp-notes",
        "deep",
    ]


def test_a_hub_clears_up_after_itself_alone(tmp_path: Path) -> None:
    root = tmp_path / "hub"
    with LocalHub(root, {"hf_me": "me"}) as hub:
        hub.store.create("models", "me/camel", "me", private=False)
    ours = [
        root / ".tmp-abcd1234",
        root / "lfs" / ".tmp-a_cd1234",
        root / "repos" / "models" / "me" / ".tmp-00000000",
    ]
    theirs = [root / "blobs" / ".tmp-notes", root / "mine" / ".tmp-abcd1234", root / "lfs" / ".tmp-ABCD1234"]
    (root / "mine").mkdir()
    for path in (*ours, *theirs):
        path.write_text("x")
    (root / "blobs" / ".tmp-dirdirdi").mkdir()
    (root / "blobs" / ".tmp-linklink").symlink_to(tmp_path / "outside")
    with LocalHub(root, {"hf_me": "me"}):
        pass
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in theirs)
    assert (root / "blobs" / ".tmp-dirdirdi").is_dir()
    assert (root / "blobs" / ".tmp-linklink").is_symlink()


def test_the_first_start_of_a_hub_may_be_killed_early(tmp_path: Path) -> None:
    (tmp_path / "hub" / "repos").mkdir(parents=True)
    (tmp_path / "hub" / "lock").touch()
    with LocalHub(tmp_path / "hub", {}):
        assert (tmp_path / "hub" / "lfs").is_dir()


def test_a_start_that_fails_leaves_the_folder_to_who_claims_it_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    theirs = [".holder", ".lock", "recipe.toml"]

    @contextmanager
    def then_a_rivals(path: Path) -> Iterator[None]:
        try:
            with held(path):
                yield
        finally:
            run.mkdir()
            for name in theirs:
                (run / name).write_text("theirs")

    monkeypatch.setattr("zoo.runs.claim.held", then_a_rivals)
    with pytest.raises(ResourceError), claimed(run, fresh=True):
        raise ResourceError("the disk is full")
    assert sorted(path.name for path in run.iterdir()) == theirs


@pytest.mark.skipif(sys.platform == "win32", reason="scratch folders are locked on POSIX only")
def test_a_scratch_folder_swept_before_it_is_opened_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open
    swept: list[Path] = []

    def swept_first(path: Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if not swept and is_scratch_name(Path(path).name):
            swept.append(path)
            Path(path).rmdir()
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr("zoo.system.scratch.os.open", swept_first)
    with new_folder(tmp_path / "folder") as scratch:
        (scratch / "a").write_text("a")
    assert len(swept) == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "a"]


@pytest.mark.skipif(sys.platform == "win32", reason="what is open there cannot be removed")
def test_who_locks_a_folder_of_pictures_next_keeps_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = FileLock(tmp_path / LOCK)

    class Followed(FileLock):
        """Another process gets the lock as soon as this one lets go of it."""

        def release(self, force: bool = False) -> None:
            super().release(force)
            rival.acquire(timeout=0)

    monkeypatch.setattr("zoo_export.cli.picture_files.FileLock", Followed)
    write_pictures(iter([np.zeros((1, 4, 4), np.uint8)]), 1, out=None, each=tmp_path)
    with rival, pytest.raises(Timeout):
        FileLock(tmp_path / LOCK).acquire(timeout=0)
