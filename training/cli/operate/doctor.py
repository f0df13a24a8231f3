"""`thinkgate doctor`: says what the arms would send, and what a server would refuse to start with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from training.cli.console import OUT

if TYPE_CHECKING:
    from training.doctor import CheckResult

_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "refused": "[red]refused[/]"}


def doctor(
    arms: Annotated[Path, typer.Option(help="arms.toml to check.")],
    policy: Annotated[Path | None, typer.Option(help="policy.toml to check with it.")] = None,
) -> None:
    """Check arms and policy before they are served; exit code 1 where a server would refuse them.

    `thinkgate doctor --arms arms.toml --policy policy.toml`
    """
    from serving.decision.policy import load_arms
    from training.doctor import DoctorInput, run_checks

    results = run_checks(DoctorInput(load_arms(arms), policy))
    for result in results:
        _show(result)
    if any(result.is_refused for result in results):
        raise typer.Exit(1)


def _show(result: CheckResult) -> None:
    OUT.print(f"\n[bold]{escape(result.title)}[/]")
    if result.rows:
        table = Table(*result.columns)
        for row in result.rows:
            table.add_row(*map(escape, row))
        OUT.print(table)
    for finding in result.findings:
        OUT.print(f"{_MARKS[finding.level]} {escape(finding.text)}", highlight=False, soft_wrap=True)
