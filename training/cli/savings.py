"""`thinkgate savings`: estimates what a policy would have saved on a history, a journal, or in a published case."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.decision import BadInput
from training.atomic_files import write_atomically
from training.cli.console import ERR, OUT
from training.progress import bars

Data = Annotated[
    list[str] | None,
    typer.Argument(help="Outcome records, or a journal: sqlite:///journal.db, postgresql://user@host/database."),
]


def savings(
    data: Data = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle that decides; prior knowledge without it.")] = None,
    arms: Annotated[Path | None, typer.Option(help="arms.toml with the prices that count.")] = None,
    policy: Annotated[Path | None, typer.Option(help="policy.toml; the built-in default without it.")] = None,
    requests_per_day: Annotated[
        float | None, typer.Option(min=0.001, help="Traffic that the money is computed for; else from the timestamps.")
    ] = None,
    snips: Annotated[bool, typer.Option("--snips", help="Logged outcomes by SNIPS instead of doubly robust.")] = False,
    case: Annotated[
        Path | None, typer.Option(help="Recompute a published case instead, e.g. data/cases/selective_routing.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures as JSON here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for the HTML page and plots.")] = None,
    quarantine: Annotated[Path, typer.Option(help="JSONL file for rows that can't be used.")] = Path(
        "savings.quarantine.jsonl"
    ),
) -> None:
    """Replay a history or a journal under a policy: money, success and waiting against serving each arm always."""
    if case is not None:
        _show_case(case, json)
        return
    if not data:
        raise BadInput("name outcome records or a journal, or a published case with --case")
    from training.savings import ReplaySettings, replay_traffic, savings_json, savings_tables, sentences, write_page

    settings = ReplaySettings(bundle, arms, policy, requests_per_day, snips, quarantine=quarantine)
    with bars(ERR) as progress:
        found = replay_traffic(data, settings, progress)
    for table in savings_tables(found):
        OUT.print(table)
    for sentence in sentences(found):
        OUT.print(f"- {sentence}", highlight=False, markup=False)
    _write(json, savings_json(found))
    if report:
        OUT.print(f"report  {write_page(found, report)}", highlight=False, markup=False)


def _show_case(folder: Path, json: Path | None) -> None:
    from training.savings import case_json, case_table, work_out

    case = work_out(folder)
    OUT.print(case_table(case))
    _write(json, case_json(case))
    if case.differences:
        raise BadInput(f"{folder}: published totals do not come out: correct the inputs or the prices in its arms.toml")


def _write(path: Path | None, text: str) -> None:
    if path is not None:
        write_atomically(path, text)
        OUT.print(f"figures {path}", highlight=False, markup=False)
