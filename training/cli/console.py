"""Consoles of the commands: results go to standard output, progress and errors to standard error."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console

ERR = Console(stderr=True)
OUT = Console() if sys.stdout.isatty() else Console(width=140)


def report_rows(history: Any) -> None:
    """Print how many rows were used, and why the others were not."""
    counts = history.counts
    OUT.print(f"{counts.kept} of {counts.read} rows used, {counts.prompts} prompts", highlight=False)
    for reason, rows in counts.quarantined.items():
        OUT.print(f"  quarantined: {rows} x {reason}", highlight=False, markup=False)
    if history.quarantine and counts.quarantined:
        OUT.print(f"  they are in {history.quarantine}", highlight=False, markup=False)
