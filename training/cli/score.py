"""Scores for prompts, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import ERR, OUT
from training.cli.options import Bundle
from training.progress import bars


def score(
    bundle: Bundle,
    prompts: Annotated[list[str], typer.Argument(help="Prompts: Parquet, JSONL or CSV with `prompt` or `messages`.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write, one row per prompt.")],
) -> None:
    """Score prompts offline, in bulk.

    Columns: `prompt_id`, `success_ARM` per arm, `uplift_ARM` per arm but the first (what it gains over the first), and
    `support` (low: unlike anything that was learnt from).

    `thinkgate score bundle prompts.jsonl --out scores.parquet`
    """
    from training.evaluation.bundle_evaluation import score as run

    with bars(ERR) as progress:
        rows = run(bundle, prompts, out, progress)
    OUT.print(f"{rows} prompts scored: {out}", highlight=False, markup=False)
