"""Runs gone through, and what lies in their folders."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def drain(steps: Iterator[Any]) -> None:
    for _ in steps:
        pass


def lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def figures(run: Path) -> list[dict[str, Any]]:
    clock = ("seconds", "images_per_second")
    return [{key: value for key, value in line.items() if key not in clock} for line in lines(run)]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def bare_record(started: str) -> str:
    """Return a `run.json` with what every version wrote, and nothing else."""
    data = {"name": "array", "source": "here", "licence": "MIT", "images": 4, "fingerprint": "0" * 64}
    fields = {"recipe": "tiny", "started": started, "device": "cpu", "precision": "fp32", "data": data}
    return json.dumps(fields)
