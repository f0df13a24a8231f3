"""Progress reporting: one bar per stage on a terminal, one line per stage elsewhere (a log, CI, a dumb terminal).

Long functions take a `Progress` and call it with the stage's name, the units done and the total (0: not known).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing.

    >>> silent("reading", 1, 3)
    """


@contextmanager
def bars(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """Show stages in the order in which they start; a finished stage stays, with its time.

    Parameters
    ----------
    console
        If it can't draw bars, each stage gets one plain line when it ends.
    clock
        Seconds, for the plain lines.
    """
    if console.is_terminal and not console.is_dumb_terminal:
        with _bars(console) as advance:
            yield advance
    else:
        lines = _Lines(console, clock)
        yield lines.advance
        lines.close()


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    columns = (
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=console, refresh_per_second=4) as rich:
        tasks: dict[str, TaskID] = {}

        def finish() -> None:
            for task in rich.tasks:
                total = task.total or task.completed or 1
                rich.update(task.id, total=total, completed=total)

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                finish()
                tasks[stage] = rich.add_task(stage, total=total or None)
            rich.update(tasks[stage], completed=done, total=total or None)

        yield advance
        finish()


class _Lines:
    """Prints one plain line per finished stage with its duration."""

    def __init__(self, console: Console, clock: Callable[[], float]) -> None:
        self._console, self._clock = console, clock
        self._stage: str | None = None
        self._since = clock()
        self._units = 0

    def advance(self, stage: str, done: int, total: int) -> None:
        if stage != self._stage:
            self.close()
            self._stage, self._since, self._units = stage, self._clock(), 0
        self._units = max(self._units, done, total)

    def close(self) -> None:
        if self._stage is not None:
            units = f" ({self._units:,})" if self._units > 1 else ""
            line = f"{self._clock() - self._since:6.1f} s  {self._stage}{units}"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)
        self._stage = None
