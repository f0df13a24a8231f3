"""Progress as bars on a terminal and as plain lines elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from training.progress import bars


def test_a_log_gets_one_plain_line_per_stage() -> None:
    written = io.StringIO()
    times = iter([0.0, 0.0, 2.5, 2.5, 3.0])
    with bars(Console(file=written, width=80), lambda: next(times)) as progress:
        progress("read", 0, 1200)
        progress("read", 1200, 1200)
        progress("learn", 0, 0)
    assert written.getvalue().splitlines() == ["   2.5 s  read (1,200)", "   0.5 s  learn"]


def test_a_terminal_gets_a_bar_per_stage() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=100)
    with bars(console) as progress:
        for done in range(3):
            progress("read", done, 2)
        progress("learn", 0, 0)
    assert "read" in written.getvalue()
    assert "2/2" in written.getvalue()


def test_the_last_stage_is_shown_as_complete_though_its_total_was_not_known() -> None:
    written = io.StringIO()
    with bars(Console(file=written, force_terminal=True, width=100)) as progress:
        progress("read", 3, 0)
    assert "3/3" in written.getvalue()


def test_a_failure_is_raised_through_the_bars() -> None:
    with pytest.raises(ZeroDivisionError), bars(Console(file=io.StringIO())) as progress:
        progress("read", 1 // 0, 1)
