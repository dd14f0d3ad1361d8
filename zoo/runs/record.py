"""`run.json`: what is known of a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo.errors import InputError

RUNS = Path("runs")
RECORD = "run.json"


def read_record(run: Path) -> dict[str, Any]:
    """Return a run's `run.json`.

    Raises:
        InputError: it is missing or not JSON.
    """
    path = run / RECORD
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"{run}: it holds no {RECORD}, so it is no run. See which there are under {RUNS}/"
        ) from None
    except (ValueError, OSError) as error:
        raise InputError(
            f"{path}: it cannot be read as JSON ({error}). Restore it or start a new run"
        ) from error
    if not isinstance(record, dict):
        raise InputError(f"{path}: it holds no JSON object. Restore it or start a new run")
    return record
