"""`thinkgate import`: converts the history of another tool to outcome records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from serving.decision import BadInput
from training.cli.console import ERR, OUT
from training.cli.options import Arms
from training.progress import bars


def import_(
    source: Annotated[str, typer.Argument(help="Where it is from; `list` names all sources.")],
    path: Annotated[str, typer.Argument(help="File, folder, or a URL together with --sha256.")] = "",
    out: Annotated[Path | None, typer.Option(help="File to write: .jsonl, .csv or .parquet.")] = None,
    arms: Arms = None,
    success: Annotated[
        str | None, typer.Option(help="Score, metadata key or span attribute that holds success, 0 to 1.")
    ] = None,
    propensity: Annotated[
        str | None, typer.Option(help="Metadata key or span attribute with the chance of the arm that was picked.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="For csv: THEIRS=OURS, as often as needed, e.g. question=prompt.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="For a URL: the checksum that it must have.")] = None,
    quarantine: Annotated[
        Path | None, typer.Option(help="JSONL file for what can't be mapped. Default: OUT.quarantine.jsonl.")
    ] = None,
) -> None:
    """Import another tool's history as outcome records.

    Every row is written, or quarantined with its line and the reason; none is dropped.

    `thinkgate import langfuse observations.jsonl --success correctness --arms data/arms.toml --out history.jsonl`
    """
    from serving.decision.policy import load_arms
    from training.errors import BadHistory
    from training.importers import SOURCES, ImportOptions, fetch, import_history

    if source == "list":
        for name in SOURCES:
            OUT.print(name, highlight=False)
        return
    if not path or out is None:
        raise BadInput("name what to import and where to: thinkgate import SOURCE PATH --out FILE")
    options = ImportOptions(load_arms(arms) if arms else (), success, propensity, _columns(column or []))
    aside = quarantine or out.with_name(f"{out.name}.quarantine.jsonl")
    with bars(ERR) as progress:
        place = fetch(path, sha256, Path.home() / ".cache" / "thinkgate", progress) if "://" in path else Path(path)
        found = import_history(source, place, out, aside, options, progress)
    OUT.print(f"{found.written} of {found.read} rows written: {out}", highlight=False, markup=False)
    for arm, rows in found.per_arm.items():
        OUT.print(f"  arm {arm}: {rows}", highlight=False, markup=False)
    if found.success_unknown:
        OUT.print(f"  success not known: {found.success_unknown} rows; grade them, or name it with --success")
    for kind, rows in found.quarantined.items():
        OUT.print(f"  quarantined: {rows} x {kind}", highlight=False, markup=False)
    for example in {example.kind: example for example in reversed(found.examples)}.values():
        OUT.print(f"    e.g. line {example.line}: {example.reason}", highlight=False, markup=False, soft_wrap=True)
    if found.quarantined:
        OUT.print(f"  they are in {aside}", highlight=False, markup=False)
    if not found.written:
        raise BadHistory(f"{path}: not one row could become an outcome record; the reasons stand above")


def _columns(given: list[str]) -> dict[str, str]:
    columns = {}
    for item in given:
        theirs, sign, ours = item.rpartition("=")
        if not sign or not theirs or not ours:
            raise BadInput(f"--column {item}: write THEIRS=OURS, e.g. --column question=prompt")
        columns[ours] = theirs
    return columns
