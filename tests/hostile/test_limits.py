"""Every row of docs/limits.md: read below and at its limits, and refused or left out beyond them, cheaply.

What it takes is asserted as a whole, in seconds of the processor and resident memory. Decoding pictures at their limits
is measured by `python -m benchmarks.decoding`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.decoding.test_limits import CASES as PICTURES
from tests.support.documents import ROOT
from tests.support.hostile.limits.__main__ import GROUPS, Met, limits_of

SECONDS, MEGABYTES = 5, 500
LIMITS = {(group, index): limit for group in GROUPS for index, limit in enumerate(limits_of(group))}
UNITS = {" MiB": 1 << 20, " KiB": 1 << 10, " s": 1000, "": 1}
DECODED = {
    "PNG, BMP, PPM, TGA, PCX, SGI, IM, PSD": "test_each_format_is_bounded_in_memory",
    "GIF, XBM, MSP": "test_each_format_is_bounded_in_memory",
    "JPEG": "test_jpeg_is_bounded_at_full_size_although_it_is_decoded_smaller",
    "JPEG in several scans": "test_scans_are_counted_past_data_that_looks_like_them_and_bounded",
    "WebP": "test_each_format_is_bounded_in_memory",
    "AVIF": "test_each_format_is_bounded_in_memory",
    "HEIC": "test_each_format_is_bounded_in_memory",
    "TIFF": "test_tiff_is_bounded_with_its_strips_and_its_file",
    "JPEG 2000": "test_slow_formats_are_bounded_in_pixels",
    "QOI, DDS": "test_slow_formats_are_bounded_in_pixels",
}
"""Rows of pictures, and what tests them in tests/decoding/test_limits.py."""
RUNS = "a batch that runs"
RUNNING = (
    "test_a_deadline_ends_it_and_the_next_call_starts_it_again",
    "test_memory_is_bounded_whatever_was_estimated",
    "test_how_long_and_how_much_a_batch_may_take",
)
"""What only shows while it runs, and what tests it in tests/hostile/test_child.py."""


def rows() -> dict[str, str]:
    """Return the second cell of each row of the tables by the first."""
    lines = (ROOT / "docs" / "limits.md").read_text().splitlines()
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")
    ]
    return {row[0]: row[1] for row in cells if row[0] not in ("format", "what is read")}


def number(stated: str) -> int:
    """Return the number that a limit states; seconds as milliseconds."""
    found = re.search(r"([\d,]+)( MiB| KiB| s\b)?", stated)
    assert found is not None
    return int(found[1].replace(",", "")) * UNITS[found[2] or ""]


def test_every_row_has_its_tests_and_every_test_its_row() -> None:
    assert set(rows()) == {limit.row for limit in LIMITS.values()} | set(DECODED) | {RUNS}
    ways = {"decoding/test_limits.py": DECODED.values(), "hostile/test_child.py": RUNNING}
    for place, names in ways.items():
        text = (ROOT / "tests" / place).read_text()
        assert all(f"def {name}(" in text for name in names), place
    tried = {kind.replace("JPEG2000", "JPEG 2000").upper() for kind, *_ in PICTURES}
    shown = {kind.upper() for row in DECODED for kind in row.removesuffix(" in several scans").split(", ")}
    assert shown - tried == {"PSD", "HEIC", "TIFF"}, (
        "Pillow writes no PSD, pillow-heif is an extra, TIFF has its own"
    )


def test_the_numbers_of_a_row_are_those_that_hold() -> None:
    for row, says in rows().items():
        if row in DECODED or row == RUNS:
            continue
        left = says
        for limit in LIMITS.values():
            if limit.row == row:
                assert limit.stated in says, limit
                assert number(limit.stated) == limit.most, limit
                left = left.replace(limit.stated, "", 1)
        assert not re.search(r"\d", left), f"{row}: nothing tests the rest of it: {left}"


@pytest.fixture(scope="module")
def met() -> dict[tuple[str, int, int], Met]:
    """What came of meeting each limit below it, at it and beyond it, each in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.hostile.limits"],
        cwd=ROOT, capture_output=True, text=True, timeout=400, check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    found = [Met(*json.loads(line)) for line in done.stdout.splitlines()]
    return {(one.group, one.number, one.where): one for one in found}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each limit is met in a fork")
@pytest.mark.parametrize(
    ("group", "index"), LIMITS, ids=[f"{limit.row}-{limit.stated}" for limit in LIMITS.values()]
)
def test_it_holds(group: str, index: int, met: dict[tuple[str, int, int], Met]) -> None:
    limit = LIMITS[group, index]
    below, at, over = (met[group, index, where] for where in (-1, 0, 1))
    assert (below.error, at.error) == (None, None), at.said or below.said
    assert over.error is not None
    assert over.code == limit.code, over.said
    assert limit.says in over.said
    assert over.said.count("\n") == 0
    for one in (below, at, over):
        assert one.processor < SECONDS
        assert one.megabytes < MEGABYTES
