"""The page that a sweep ends with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.errors import quoted, reason_of
from zoo.reports.watch import wanted
from zoo.system.console import warn

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.reports.comparison.compare import Comparison

PAGE = "compare.html"


def page_at_end(comparison: Comparison, sweep: Path) -> Path | None:
    """Write a sweep's page where it is wanted and can be drawn; that it cannot is a warning, and no failure."""
    if not wanted():
        return None
    path = sweep / PAGE
    try:
        # matplotlib and jinja2 may be missing; a training needs neither.
        from zoo.reports.comparison.page import write_page

        write_page(comparison, path)
    except Exception as error:
        again = f"zoo compare {quoted(sweep)} --html {quoted(path)}"
        warn(f"{path}: it cannot be written ({reason_of(error)}). Try again with `{again}`")
        return None
    return path
