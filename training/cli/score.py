"""`thinkgate score`: scores prompts into a Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from training.cli.console import ERR, OUT
from training.cli.options import Bundle, require_records
from training.progress import bars


def score(
    bundle: Bundle,
    prompts: Annotated[list[str], typer.Argument(help="Prompts: Parquet, JSONL or CSV with `prompt` or `messages`.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write, one row per prompt.")],
) -> None:
    """Score prompts offline, in bulk.

    Columns: `prompt_id`, `success_ARM` per arm, `uplift_ARM` per arm but the first (what it gains over the first), and
    `support` (low: outside of the training data).

    `thinkgate score bundle prompts.jsonl --out scores.parquet`
    """
    if bundle.is_dir():
        require_records(prompts)
    from training.inference import score as run

    with bars(ERR) as progress:
        rows = run(bundle, prompts, out, progress)
    OUT.print(f"{rows} prompts scored: {out}", highlight=False, markup=False)
