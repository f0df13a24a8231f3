"""`thinkgate evaluate`: evaluates a bundle on records that it was not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.atomic_files import write_atomically
from training.cli.console import ERR, OUT, report_rows
from training.cli.options import Bundle, Cache, Records, require_records
from training.progress import bars


def evaluate(
    bundle: Bundle,
    data: Records,
    json: Annotated[Path | None, typer.Option(help="Write all figures as JSON here.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for the HTML report and plots.")] = None,
    quarantine: Annotated[Path, typer.Option(help="JSONL file for rows that can't be used.")] = Path(
        "evaluate.quarantine.jsonl"
    ),
    cache: Cache = None,
) -> None:
    """Evaluate a bundle on outcome records that it was not trained on.

    Paired records give realised outcomes; logged ones, with propensities, give estimates with intervals. Comparison
    routers are learnt from the same records by cross-validation.

    `thinkgate evaluate bundle newer.parquet --report evaluation`
    """
    if bundle.is_dir():
        require_records(data)
    from training.encoders import CACHE
    from training.evaluation import evaluate_bundle
    from training.report import evaluation_json, summary, write_report

    with bars(ERR) as progress:
        evaluated = evaluate_bundle(bundle, data, quarantine, progress, cache=cache or CACHE)
    report_rows(evaluated.history)
    for sentence in summary(evaluated.evaluation):
        OUT.print(f"- {sentence}", highlight=False, markup=False, soft_wrap=not OUT.is_terminal)
    if json:
        write_atomically(json, evaluation_json(evaluated.evaluation))
        OUT.print(f"figures {json}", highlight=False, markup=False)
    if report:
        OUT.print(f"report  {write_report(evaluated.evaluation, report)}", highlight=False, markup=False)
