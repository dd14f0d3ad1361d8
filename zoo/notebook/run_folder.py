"""The folder of a run, which a notebook shows as its latest pictures."""

from __future__ import annotations

import html
import sys
from pathlib import PosixPath, WindowsPath

if sys.platform == "win32":
    _Path = WindowsPath
else:
    _Path = PosixPath


class RunFolder(_Path):
    """A path like any other; `zoo.RunFolder("runs/camel-wgangp-1")` as the last line of a cell shows that run."""

    def _repr_html_(self) -> str | None:
        """Return how far it came and its latest sample grid; None, for the path as text, where it is no run."""
        from zoo.errors import InputError, rounded
        from zoo.reports.animations import latest_grid
        from zoo.runs.folder import REPORT
        from zoo.runs.record import read_record

        try:
            record = read_record(self)
        except InputError:
            return None
        best = record.best
        words = [
            f"{record.recipe}: {record.state}, {record.step:,} of {record.steps or 0:,} steps",
            "" if best is None else f"best {record.metric} {rounded(best.value)} at step {best.step:,}",
        ]
        text = html.escape("; ".join(filter(None, words)))
        name = html.escape(str(self))
        if (self / REPORT).is_file() and not self.is_absolute():
            name = f'<a href="{html.escape((self / REPORT).as_posix())}" target="_blank">{name}</a>'
        grid = latest_grid(self)
        picture = (
            "" if grid is None else f'<br><img src="{grid.url}" alt="{grid.label}" width="{grid.width}">'
        )
        return f"<div>{name} ({text}){picture}</div>"
