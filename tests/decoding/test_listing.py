"""What is found in folders and zips, and the one line that counts what is left out by reason."""

from __future__ import annotations

import os
import socket
import time
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

import zoo.decoding.archive
import zoo.decoding.folder
import zoo_plugins.datasets.folder
from tests.decoding.encoded import encoded, flat
from zoo.decoding.archive import list_zip
from zoo.decoding.decode import readable
from zoo.errors import InputError
from zoo.system.cache import cache_folder
from zoo_plugins.datasets.folder import Folder

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.images import Images

RED, BLUE = encoded(flat("RGB", (255, 0, 0))), encoded(flat("RGB", (0, 0, 255)))
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
without_heif = pytest.mark.skipif("HEIF" in readable(), reason="pillow-heif is installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pictures"
    place.mkdir()
    (place / "a.png").write_bytes(RED)
    return place


def found(path: Path) -> Images:
    return Folder(path=str(path), size=(8, 8)).images()


def test_a_linked_folder_is_one_of_its_own(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    for number in range(5):
        (tmp_path / "elsewhere" / "deep" / f"{number}.png").write_bytes(BLUE)
    (folder / "class").symlink_to(tmp_path / "elsewhere")
    images = found(folder)
    assert images.names == ["a.png", *(f"class/deep/{number}.png" for number in range(5))]
    assert images.warnings == ()


def test_loops_and_second_names_end_and_are_counted(folder: Path) -> None:
    (folder / "b").mkdir()
    (folder / "b" / "b.png").write_bytes(BLUE)
    (folder / "b" / "up").symlink_to(folder)
    (folder / "root").symlink_to("/")
    (folder / "c").symlink_to(folder / "b")
    (folder / "d.png").symlink_to(folder / "a.png")
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "self.png").symlink_to(folder / "self.png")
    images = found(folder)
    assert images.names == ["a.png", "b/b.png"]
    assert images.warnings == (
        "pictures: 6 of 8 files are left out: 2 linked to a folder around them (b/up/), "
        "2 that are there already, by a link (c/), 2 linked to nowhere (gone.png)",
    )


def test_pipes_sockets_and_devices_are_never_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    (folder / "zero.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket.png"))
    began = time.monotonic()
    assert found(folder).warnings == ("pictures: 3 of 4 files are left out: 3 no regular files (pipe.png)",)
    os.mkfifo(folder / "a.zip")
    with pytest.raises(InputError, match=r"a\.zip: it is neither a folder nor a \.zip"):
        found(folder / "a.zip")
    assert time.monotonic() - began < 5


def test_a_pipe_that_takes_a_files_place_is_not_waited_for(folder: Path) -> None:
    (folder / "b.png").write_bytes(BLUE)
    listing = zoo.decoding.folder.list_folder(folder)
    (folder / "b.png").unlink()
    os.mkfifo(folder / "b.png")
    with pytest.raises(ValueError, match="it is no regular file"), listing.files[1].open():
        pass


@without_heif
def test_heic_is_counted_with_what_to_install(folder: Path) -> None:
    for name in ("1.heic", "2.HEIC", "3.heif", "4", "5.jpg"):
        (folder / name).write_bytes(HEIC)
    assert found(folder).warnings == (
        'pictures: 5 of 6 files are left out: 5 in HEIC, which takes pip install "gan-model-zoo[heic]" (1.heic)',
    )


def test_heic_is_read_where_pillow_heif_is_installed(folder: Path) -> None:
    pytest.importorskip("pillow_heif")
    readable()
    for name in ("b.heic", "c", "d.jpg"):
        (folder / name).write_bytes(encoded(flat("RGB", (0, 0, 255), (64, 64)), "HEIF"))
    images = found(folder)
    assert images.names == ["a.png", "b.heic", "c", "d.jpg"]
    assert images.warnings == ()


def test_content_tells_what_the_ending_does_not(folder: Path) -> None:
    for name in ("no_ending", "b.jpg_large", "2024.05 beach", "c.download"):
        (folder / name).write_bytes(RED)
    (folder / "d").write_bytes(encoded(flat("RGB", (1, 2, 3)), "TIFF"))
    (folder / "e").write_bytes(encoded(flat("RGB", (1, 2, 3)), "BMP"))
    # A camera's raw file begins as TIFF, and would give the small picture for its display.
    (folder / "raw.nef").write_bytes(encoded(flat("RGB", (1, 2, 3)), "TIFF"))
    images = found(folder)
    assert images.names == ["2024.05 beach", "a.png", "b.jpg_large", "c.download", "d", "e", "no_ending"]
    assert images.warnings == ("pictures: 1 of 8 files is left out: 1 of another kind (raw.nef)",)


def test_every_reason_is_counted_in_one_line(folder: Path) -> None:
    (folder / "empty.png").write_bytes(b"")
    (folder / "cut.png").write_bytes(RED[:-30])
    (folder / "inner.zip").write_bytes(b"PK")
    (folder / "notes.txt").write_text("hello")
    (folder / "readme").write_text("hello")
    (folder / ".hidden.png").write_bytes(RED)
    (folder / ".git").mkdir()
    (folder / "float.tif").write_bytes(encoded(flat("F", 7.0), "TIFF"))
    for name in ("._a.png", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / name).write_bytes(b"x")
    (line,) = found(folder).warnings
    start, _, reasons = line.partition("left out: ")
    assert start == "pictures: 8 of 9 files are "
    assert reasons.startswith("2 hidden (.git/), 2 ")
    for reason in (
        "2 damaged (cut.png: image file is truncated)",
        "2 of another kind (notes.txt)",
        "1 archives, which must be unpacked first (inner.zip)",
        "1 of an unknown range (float.tif: its floats are from 7 to 7, and only 0 to 1 is known to be black to white)",
    ):
        assert reason in reasons


def test_names_that_no_terminal_should_see_are_shown_plainly(folder: Path) -> None:
    (folder / "bad\n\x1b[31m.png").write_bytes(b"text")
    (folder / os.fsdecode(b"\xff\xfe.png")).write_bytes(BLUE)
    images = found(folder)
    assert images.names == ["a.png", "\\udcff\\udcfe.png"]
    assert images.warnings == (
        "pictures: 1 of 3 files is left out: 1 damaged (bad\\n\\x1b[31m.png: it is no image)",
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_counted(folder: Path) -> None:
    (folder / "b.png").write_bytes(BLUE)
    (folder / "b.png").chmod(0)
    (folder / "shut").mkdir(mode=0)
    assert "2 that may not be read (b.png)" in found(folder).warnings[0]


def test_an_ignored_profile_is_said(folder: Path) -> None:
    (folder / "b.png").write_bytes(encoded(flat("RGB", (1, 2, 3)), icc_profile=b"junk" * 50))
    for _ in range(2):
        images = found(folder)
        assert len(images) == 2
        assert images.warnings == (
            "pictures: the colour profile of 1 images is ignored (b.png: cannot open profile from string)",
        )


def test_a_change_that_leaves_size_and_time_is_noticed(folder: Path) -> None:
    kept = (folder / "a.png").stat()
    assert found(folder).pixels[0, 0, 0, 0] == 255
    other = encoded(flat("RGB", (254, 0, 0)))
    assert len(other) == len(RED)
    (folder / "a.png").write_bytes(other)
    os.utime(folder / "a.png", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert found(folder).pixels[0, 0, 0, 0] == 254


def test_a_change_within_a_tick_of_the_clock_is_noticed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The times of both files are made the same, as on a disk that counts in two seconds."""
    times, stat = (folder / "a.png").stat(), os.stat
    monkeypatch.setattr(
        os, "stat", lambda path, **how: times if str(path).endswith("a.png") else stat(path, **how)
    )
    assert found(folder).pixels[0, 0, 0, 0] == 255
    (folder / "a.png").write_bytes(encoded(flat("RGB", (254, 0, 0))))
    assert found(folder).pixels[0, 0, 0, 0] == 254


def test_what_the_cache_holds_is_used_while_it_is_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zoo.decoding.folder, "RESOLUTION", 0)
    first = found(folder).fingerprint
    (npy,) = cache_folder("folder").glob("*.npy")
    with monkeypatch.context() as patch:
        patch.setattr(zoo_plugins.datasets.folder, "decode", lambda *_: pytest.fail("decoded again"))
        assert found(folder).fingerprint == first
    for damaged in (npy, npy.with_suffix(".json")):
        for data in (damaged.read_bytes()[:-1], b"", None):
            if data is None:
                damaged.unlink()
            else:
                damaged.write_bytes(data)
            assert found(folder).fingerprint == first


def test_a_zip_says_what_it_leaves_out(folder: Path) -> None:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", RED)
        archive.writestr("b", BLUE)
        archive.writestr("packed.png", BLUE, compress_type=zipfile.ZIP_BZIP2)
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "a.png")
        secret = zipfile.ZipInfo("secret.png")
        archive.writestr(secret, BLUE)
        archive.writestr("inner.zip", "PK")
        archive.writestr("__MACOSX/._a.png", "x")
        archive.writestr("folder/", "")
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\1\2", 0, data.rindex(b"secret.png")) + 8] |= 1
    path.write_bytes(data)
    images = found(path)
    assert images.names == ["a.png", "b"]
    (line,) = images.warnings
    assert line.startswith("all.zip: 4 of 6 files are left out: ")
    for reason in ("1 not packed with deflate (packed.png)", "1 no regular files (link.png)",
                   "1 encrypted (secret.png)", "1 archives, which must be unpacked first (inner.zip)"):  # fmt: skip
        assert reason in line


def test_a_large_member_is_unpacked_to_the_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo.decoding.archive, "IN_MEMORY", 10)
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        archive.writestr("a.png", RED)
    assert len(found(folder / "all.zip")) == 1


@pytest.mark.parametrize(("most", "times"), [(1999, 1), (0, 0)])
def test_a_zip_that_unpacks_to_too_much_is_refused(
    folder: Path, most: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.bmp", bytes(2000))
    size = path.stat().st_size
    assert size < 1000
    monkeypatch.setattr(zoo.decoding.archive, "UNPACKED_TIMES", times)
    monkeypatch.setattr(zoo.decoding.archive, "UNPACKED_LIMIT", 2000)
    with list_zip(path) as listing:
        assert len(listing.files) == 1
    monkeypatch.setattr(zoo.decoding.archive, "UNPACKED_LIMIT", most)
    with pytest.raises(InputError) as caught, list_zip(path):
        pass
    assert str(caught.value) == (
        f"{path}: it has {size:,} bytes and unpacks to 2,000, at most {max(most, times * size):,} are read. "
        "Unpack it yourself and give the folder"
    )


def test_a_long_table_of_contents_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100):
            archive.writestr(f"{number:04}.png", RED)
    monkeypatch.setattr(zoo.decoding.archive, "TABLE_LIMIT", 100 * (46 + 8))
    assert len(found(path)) == 100
    monkeypatch.setattr(zoo.decoding.archive, "TABLE_LIMIT", 100 * (46 + 8) - 1)
    with pytest.raises(InputError, match=r"its table of contents has 5,400 bytes, at most 5,399 are read"):
        found(path)
    assert np.ndim(found(folder).pixels[:]) == 4
