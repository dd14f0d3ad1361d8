"""Bounds on what a picture may cost: at them, under and over, and that bombs are refused before they cost anything."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

import zoo.decoding.limits
from tests.decoding.encoded import decoded, encoded, flat, png
from zoo.decoding.decode import readable
from zoo.decoding.files import open_regular
from zoo.decoding.jpeg import count_scans
from zoo.decoding.limits import COPY, LOSSLESS_WEBP, MEMORY_LIMIT, SCRATCH, SLOW, PictureError

if TYPE_CHECKING:
    from pathlib import Path

WIDE = COPY + COPY
SHAPE = (64, 48)
CASES: tuple[tuple[str, str, float, dict[str, Any]], ...] = (
    ("PNG", "RGB", WIDE, {}),
    ("PNG", "RGBA", WIDE, {}),
    ("PNG", "LA", WIDE, {}),
    ("PNG", "P", 1 + COPY, {}),
    ("PNG", "L", 1 + COPY, {}),
    ("PNG", "1", 1 + COPY, {}),
    ("PNG", "I;16", 2 + COPY, {}),
    ("GIF", "P", 1 + COPY, {}),
    ("BMP", "RGB", WIDE, {}),
    ("DIB", "RGB", WIDE, {}),
    ("PPM", "RGB", WIDE, {}),
    ("TGA", "RGBA", WIDE, {}),
    ("PCX", "RGB", WIDE, {}),
    ("SGI", "RGB", COPY + SCRATCH["SGI"], {}),
    ("IM", "CMYK", WIDE, {}),
    ("XBM", "1", 1 + COPY, {}),
    ("MSP", "1", 1 + COPY, {}),
    ("JPEG", "RGB", WIDE, {}),
    ("JPEG", "CMYK", WIDE, {}),
    ("JPEG", "RGB", WIDE + 6, {"progressive": True, "subsampling": 0}),
    ("JPEG", "RGB", WIDE + 3, {"progressive": True, "subsampling": 2}),
    ("WEBP", "RGB", COPY + SCRATCH["WEBP"], {}),
    ("WEBP", "RGB", COPY + LOSSLESS_WEBP, {"lossless": True}),
    ("WEBP", "RGBA", COPY + LOSSLESS_WEBP, {}),
    ("AVIF", "RGB", COPY + SCRATCH["AVIF"], {}),
    ("JPEG2000", "RGB", COPY + SCRATCH["JPEG2000"], {}),
    ("QOI", "RGB", WIDE, {}),
    ("DDS", "RGBA", WIDE, {}),
)


@pytest.mark.parametrize(("kind", "mode", "cost", "options"), CASES)
def test_each_format_is_bounded_in_memory(
    kind: str, mode: str, cost: float, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    colour = flat("RGB", (10, 20, 30), SHAPE)
    if mode == "RGBA":
        colour.putalpha(100)
    data = encoded((colour.convert("L") if mode == "I;16" else colour).convert(mode), kind, **options)
    memory = int(SHAPE[0] * SHAPE[1] * cost)
    for most in (memory + 1, memory):
        monkeypatch.setattr(zoo.decoding.limits, "MEMORY_LIMIT", most)
        assert decoded(data, size=(64, 64)).pixels.shape == (64, 64, 3)
    monkeypatch.setattr(zoo.decoding.limits, "MEMORY_LIMIT", memory - 1)
    with pytest.raises(PictureError) as caught:
        decoded(data, size=(64, 64))
    assert caught.value.kind == "over a limit"
    assert str(caught.value) == (
        f"its 64 x 48 pixels take {memory:,} bytes to decode, at most {memory - 1:,} are used"
    )


@pytest.mark.parametrize("options", [{}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}])
def test_tiff_is_bounded_with_its_strips_and_its_file(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(flat("RGB", (10, 20, 30), SHAPE), "TIFF", **options)
    least = SHAPE[0] * SHAPE[1] * WIDE + len(data)
    monkeypatch.setattr(zoo.decoding.limits, "MEMORY_LIMIT", least)
    assert decoded(data).pixels.shape == (8, 8, 3)
    monkeypatch.setattr(zoo.decoding.limits, "MEMORY_LIMIT", least - 1)
    with pytest.raises(PictureError, match=f"its 64 x 48 pixels take {least:,} bytes"):
        decoded(data)


def test_a_tile_larger_than_its_picture_counts_whole() -> None:
    import struct

    def tag(number: int, *values: int) -> bytes:
        return struct.pack("<HHII", number, 4, len(values), *values)

    tags = [tag(256, 10), tag(257, 10), tag(258, 8), tag(259, 8), tag(262, 1), tag(277, 1), tag(322, 65536),
            tag(323, 65536), tag(324, 8), tag(325, 8)]  # fmt: skip
    data = (
        b"II*\0" + struct.pack("<I", 16) + bytes(8) + struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4)
    )
    with pytest.raises(PictureError, match=r"its 10 x 10 pixels take 4,29\d,\d{3},\d{3} bytes to decode"):
        decoded(data)


@pytest.mark.parametrize("kind", SLOW)
def test_slow_formats_are_bounded_in_pixels(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(flat("RGBA" if kind == "DDS" else "RGB", (10, 20, 30), SHAPE), kind)
    for most in (3073, 3072):
        monkeypatch.setitem(SLOW, kind, most)
        assert decoded(data).pixels.shape == (8, 8, 3)
    monkeypatch.setitem(SLOW, kind, 3071)
    with pytest.raises(PictureError, match="it has 64 x 48 pixels, at most 3,071 are read"):
        decoded(data)


def test_jpeg_is_bounded_at_full_size_although_it_is_decoded_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(flat("RGB", (10, 20, 30), (640, 480)), "JPEG")
    monkeypatch.setattr(zoo.decoding.limits, "MEMORY_LIMIT", 80 * 60 * WIDE)
    for most in (640 * 480 + 1, 640 * 480):
        monkeypatch.setattr(zoo.decoding.limits, "JPEG_PIXELS_LIMIT", most)
        assert decoded(data).pixels.shape == (8, 8, 3)
    monkeypatch.setattr(zoo.decoding.limits, "JPEG_PIXELS_LIMIT", 640 * 480 - 1)
    with pytest.raises(PictureError, match="it has 640 x 480 pixels, at most 307,199 are read"):
        decoded(data)


def scans_of(data: bytes) -> int:
    return count_scans(io.BytesIO(data), 1000)


def test_scans_are_counted_past_data_that_looks_like_them_and_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = encoded(flat("RGB", (10, 20, 30), SHAPE), "JPEG")
    many = encoded(flat("RGB", (10, 20, 30), SHAPE), "JPEG", progressive=True)
    assert scans_of(plain) == 1
    assert scans_of(many) == many.count(b"\xff\xda") == 10
    decoy = plain[:2] + b"\xff\xe5\x00\x22" + b"\xff\xda\xff\xd9" * 8 + plain[2:]
    assert scans_of(decoy) == 1
    hidden = many[:2] + b"\xff\xe5\x00\x06\xff\xd9\xff\xd9" + many[2:]
    assert scans_of(hidden) == 10
    assert scans_of(plain + many) == 1
    assert scans_of(plain[:30]) == 0
    monkeypatch.setattr(zoo.decoding.limits, "SCANNED_LIMIT", 64 * 48 * 10)
    assert decoded(many).pixels.shape == (8, 8, 3)
    monkeypatch.setattr(zoo.decoding.limits, "SCANNED_LIMIT", 64 * 48 * 10 - 1)
    with pytest.raises(PictureError, match="it has 64 x 48 pixels, at most 3,071 are read"):
        decoded(many)


def test_every_format_that_is_read_has_a_case() -> None:
    tried = {kind for kind, *_ in CASES} | {"TIFF"}
    alike = {
        "MPO": "JPEG",
        "HEIF": "AVIF",
        "PSD": "PNG",
    }  # PSD cannot be written here: its limit is the plain one
    assert {alike.get(kind, kind) for kind in readable()} == tried


def test_a_file_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bytes(1000))
    for most in (1001, 1000):
        monkeypatch.setattr(zoo.decoding.limits, "BYTES_LIMIT", most)
        open_regular(str(path)).close()
    monkeypatch.setattr(zoo.decoding.limits, "BYTES_LIMIT", 999)
    with pytest.raises(PictureError, match="it has 1,000 bytes, at most 999 are read"):
        open_regular(str(path))


MEASURE = """
import json, sys, time
from zoo_plugins.datasets.folder import Folder
def peak():  # what getrusage says begins with the parent's
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
report = []
for path in sys.argv[1:]:
    began = time.process_time()
    try:
        outcome = list(Folder(path=path, size=(8, 8)).images().warnings)
    except Exception as error:
        outcome = [str(error)]
    took = time.process_time() - began
    report.append([took, peak(), outcome])
print(json.dumps(report))
"""


def test_bombs_cost_little_and_pictures_at_the_limit_are_read(tmp_path: Path) -> None:
    """Seconds of the processor and MiB of a whole process, torch included."""
    most = MEMORY_LIMIT // (1 + COPY)
    good = encoded(flat("L", 7))
    bombs = {
        "palette": png((30_000, 30_000), 8, 3, bytes(30_000), rows=9, PLTE=bytes(3)),
        "transparent": png((16_000, 16_000), 8, 6, bytes(64_000), rows=9),
        "over": png((5182, 5182), 8, 3, bytes(5182), rows=9, PLTE=bytes(3)),
    }
    assert 5181**2 <= most < 5182**2
    folders = [tmp_path / "bombs", tmp_path / "at"]
    for folder in folders:
        folder.mkdir()
        (folder / "good.png").write_bytes(good)
    for name, data in bombs.items():
        (folders[0] / f"{name}.png").write_bytes(data)
    (folders[1] / "at.png").write_bytes(png((5181, 5181), 8, 3, bytes(5181), PLTE=bytes(3)))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", good)
            archive.filelist[-1].file_size = 200 << 20  # the table of contents is written from it at the end
    command = [sys.executable, "-c", MEASURE, *map(str, folders), str(tmp_path / "bomb.zip")]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    refused, read, zipped = json.loads(ran.stdout)
    assert refused[2][0].startswith(
        "bombs: 3 of 4 files are left out: 3 over a limit (over.png: its 5182 x 5182"
    )
    assert read[2] == []
    assert zipped[2][0].endswith("Unpack it yourself and give the folder")
    assert refused[0] < 1
    assert refused[1] < 400
    assert zipped[0] < 1
    assert read[0] < 5
    assert read[1] < 500
