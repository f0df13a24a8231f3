"""Progress of long work: one bar per stage on a terminal, silence elsewhere.

Work takes a `Progress` and calls it with the stage's name, the units done and the units in all (0: not known); it never
knows of bars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress

Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Show nothing.

    >>> silent("reading", 1, 3)
    """


@contextmanager
def bars(console: Console) -> Iterator[Progress]:
    """Show one line per stage, in the order in which they begin; a finished stage stays, with its time."""
    columns = (
        SpinnerColumn(finished_text="[green]✓[/green]"),
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=console, refresh_per_second=4) as rich:
        tasks: dict[str, TaskID] = {}

        def advance(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                for earlier in tasks.values():
                    task = next(task for task in rich.tasks if task.id == earlier)
                    rich.update(earlier, total=task.total or task.completed or 1, completed=task.total or 1)
                tasks[stage] = rich.add_task(stage, total=total or None)
            rich.update(tasks[stage], completed=done, total=total or None)

        yield advance
        for last in list(tasks.values())[-1:]:
            task = next(task for task in rich.tasks if task.id == last)
            rich.update(last, total=task.total or 1, completed=task.total or 1)
