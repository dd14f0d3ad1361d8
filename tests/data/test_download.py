"""Downloads over a loopback server: whole files only, resumed, never spliced, and what is said when they fail."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import pytest

import zoo.system.download
import zoo.system.transfer.request
from tests.support.loopback import FileServer, closed_port, serve
from zoo.errors import InputError, NetworkError, ResourceError
from zoo.system.download import Unreachable, download

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(300_000)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve(DATA) as server:
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo.system.download, "PAUSES", (0.0, 0.0, 0.0))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "camel.npy"


def names(path: Path) -> set[str]:
    """Return the files beside the download, without its lock."""
    return {file.name for file in path.parent.iterdir() if not file.name.endswith(".lock")}


def test_a_file_comes_whole_and_alone(server: FileServer, path: Path) -> None:
    assert download(f"{server.url}/a", path, what="camels") == path
    assert path.read_bytes() == DATA
    assert names(path) == {"camel.npy"}


def test_what_is_there_is_not_asked_for_again(server: FileServer, path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"mine")
    download(f"{server.url}/a", path, what="camels")
    assert path.read_bytes() == b"mine"
    assert server.asked == []


def test_a_dropped_transfer_goes_on_where_it_broke(server: FileServer, path: Path) -> None:
    server.drops = [100_000, 50_000]
    download(f"{server.url}/a", path, what="camels")
    assert path.read_bytes() == DATA
    assert [asked.get("range") for asked in server.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert server.asked[1]["if-range"] == '"first"'


def test_many_drops_are_endured_as_long_as_bytes_come(server: FileServer, path: Path) -> None:
    server.drops = [30_000] * 9
    download(f"{server.url}/a", path, what="camels")
    assert path.read_bytes() == DATA


def test_a_given_up_transfer_is_resumed_by_the_next_call(server: FileServer, path: Path) -> None:
    server.drops = [100_000, 0, 0, 0, 0]
    with pytest.raises(NetworkError) as caught:
        download(f"{server.url}/a", path, what="camels")
    assert str(caught.value) == (
        f"{server.url}/a: the transfer broke off again and again (100000 of 300000 bytes came). Try again to go on"
    )
    assert names(path) == {"camel.npy.part", "camel.npy.part.version"}
    download(f"{server.url}/a", path, what="camels")
    assert server.asked[-1]["range"] == "bytes=100000-"
    assert path.read_bytes() == DATA
    assert names(path) == {"camel.npy"}


def test_a_file_that_changed_meanwhile_is_not_spliced(server: FileServer, path: Path) -> None:
    server.drops = [100_000, 0, 0, 0, 0]
    with pytest.raises(NetworkError):
        download(f"{server.url}/a", path, what="camels")
    server.data, server.etag = OTHER, '"second"'
    download(f"{server.url}/a", path, what="camels")
    assert path.read_bytes() == OTHER


def test_without_a_name_for_the_version_nothing_is_resumed(server: FileServer, path: Path) -> None:
    server.etag, server.drops = None, [100_000]
    download(f"{server.url}/a", path, what="camels")
    assert [asked.get("range") for asked in server.asked] == [None, None]
    assert path.read_bytes() == DATA


def test_a_weak_name_for_the_version_resumes_nothing(server: FileServer, path: Path) -> None:
    server.etag, server.drops = 'W/"first"', [100_000]
    download(f"{server.url}/a", path, what="camels")
    assert [asked.get("range") for asked in server.asked] == [None, None]
    assert path.read_bytes() == DATA


def test_a_server_without_ranges_starts_over(server: FileServer, path: Path) -> None:
    server.ranges, server.drops = False, [100_000]
    download(f"{server.url}/a", path, what="camels")
    assert path.read_bytes() == DATA


def test_a_server_without_ranges_that_always_drops_is_given_up(server: FileServer, path: Path) -> None:
    server.ranges, server.drops = False, [100_000] * 99
    with pytest.raises(NetworkError, match="100000 of 300000 bytes came"):
        download(f"{server.url}/a", path, what="camels")
    assert len(server.asked) == 4
    assert not path.exists()


def test_a_part_longer_than_the_file_starts_over(server: FileServer, path: Path) -> None:
    path.parent.mkdir()
    (path.parent / "camel.npy.part").write_bytes(bytes(400_000))
    (path.parent / "camel.npy.part.version").write_text('"first"')
    download(f"{server.url}/a", path, what="camels")
    assert path.read_bytes() == DATA


def test_fewer_bytes_than_announced_are_no_file(server: FileServer, path: Path) -> None:
    server.announce_more, server.ranges = 10, False
    with pytest.raises(NetworkError) as caught:
        download(f"{server.url}/a", path, what="camels")
    assert str(caught.value) == (
        f"{server.url}/a: the transfer broke off again and again (300000 of 300010 bytes came). Try again to go on"
    )
    assert not path.exists()


@pytest.mark.parametrize(("status", "words"), [(404, "404 Not Found"), (403, "403 Forbidden")])
def test_a_refusal_is_not_the_same_as_no_answer(
    server: FileServer, path: Path, status: int, words: str
) -> None:
    server.status = status
    with pytest.raises(NetworkError) as caught:
        download(f"{server.url}/a", path, what="camels")
    assert not isinstance(caught.value, Unreachable)
    assert str(caught.value) == f"{server.url}/a: the host answered {words}. Try later"
    assert len(server.asked) == 1


@pytest.mark.parametrize("lying", [0, -100_000])
def test_more_bytes_than_may_come_are_refused_and_not_kept(
    server: FileServer, path: Path, lying: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the host announces them, and where it announces less: http.client stops at what is announced."""
    for most in (300_001, 300_000):
        assert download(f"{server.url}/a", path, what="camels", most=most).read_bytes() == DATA
        path.unlink()
    if lying:
        monkeypatch.setattr(
            zoo.system.transfer.request, "_pieces", lambda _: iter([DATA[:200_000], DATA[200_000:]])
        )
        server.announce_more = lying
    with pytest.raises(NetworkError) as caught:
        download(f"{server.url}/a", path, what="camels", most=299_999)
    assert str(caught.value) == (
        f"{server.url}/a: it has 300,000 bytes or more, at most 299,999 are fetched. Check the address"
    )
    assert names(path) == set()


def test_a_closed_port_is_unreachable(path: Path) -> None:
    host = f"127.0.0.1:{closed_port()}"
    with pytest.raises(Unreachable) as caught:
        download(f"http://{host}/a", path, what="camels")
    assert (
        str(caught.value) == f"{host} cannot be reached (Connection refused). Check the network and try again"
    )
    assert caught.value.exit_code == 6


def test_an_unknown_host_is_unreachable(path: Path) -> None:
    with pytest.raises(Unreachable, match=r"nowhere\.invalid cannot be reached \(.+\)\. Check the network"):
        download("http://nowhere.invalid/a", path, what="camels")


def test_only_http_is_fetched(tmp_path: Path, path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    with pytest.raises(InputError) as caught:
        download(f"file://{tmp_path}/secret", path, what="camels")
    assert str(caught.value) == (
        f"file://{tmp_path}/secret: it is no http address. Give one that begins with https://"
    )


def test_a_place_that_cannot_be_written_is_said(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ResourceError) as caught:
        download(f"{server.url}/a", tmp_path / "file" / "camel.npy", what="camels")
    assert str(caught.value).startswith(f"{tmp_path}/file/camel.npy: it cannot be written: ")


def test_several_at_once_download_once(server: FileServer, path: Path) -> None:
    threads = [
        threading.Thread(target=download, args=(f"{server.url}/a", path), kwargs={"what": "camels"})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == DATA
    assert len(server.asked) == 1


@pytest.mark.parametrize("length", ["abc", "²", "-1"])
def test_a_length_that_is_no_number_is_none(server: FileServer, path: Path, length: str) -> None:
    server.length = length
    download(f"{server.url}/a", path, what="camels")
    assert path.read_bytes() == DATA
