"""The one live line of a training on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    ProgressColumn,
)
from rich.table import Column
from rich.text import Text

from zoo.pace.live import TRAINING
from zoo.pace.speed import in_words
from zoo.system.console import live_lines

if TYPE_CHECKING:
    from rich.progress import Progress, Task

    from zoo.pace.live import Live


class _Step(ProgressColumn):
    """How many steps there are, the one included that is being measured or saved."""

    def __init__(self, live: Live) -> None:
        super().__init__(Column(no_wrap=True))
        self._live = live

    def render(self, task: Task) -> Text:
        """Return the text."""
        total = f"{task.total or 0:.0f}"
        return Text(f"step {self._live.step:{len(total)}}/{total}")


class _Doing(ProgressColumn):
    """The losses while it trains, else what is being done; drawn anew though no step ends."""

    def __init__(self, live: Live) -> None:
        # Too narrow a terminal cuts the line: a second one would be left behind at each step.
        super().__init__(Column(no_wrap=True, overflow="ellipsis"))
        self._live = live

    def render(self, task: Task) -> Text:
        """Return the text."""
        return Text(task.description if self._live.doing == TRAINING else self._live.doing)


class _Left(ProgressColumn):
    """Speed, and time to the last step or until the time is up."""

    def __init__(self, live: Live) -> None:
        super().__init__(Column(no_wrap=True))
        self._live = live

    def render(self, _task: Task) -> Text:
        """Return the text."""
        speed, left = self._live.images_per_second, self._live.seconds_left
        if speed is None or left is None:
            return Text("")
        return Text(f"{speed:.0f} images/s  {in_words(left)} left")


def bar(live: Live) -> Progress:
    """Return the line, for one task whose description are the losses."""
    columns = (
        _Step(live),
        BarColumn(bar_width=10),
        _Doing(live),
        _Left(live),
    )
    return live_lines(*columns)
