"""Arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Records = Annotated[list[str], typer.Argument(help="Outcome records: Parquet, JSONL or CSV files, folders or globs.")]
Bundle = Annotated[Path, typer.Argument(help="Bundle folder that `thinkgate train` wrote.")]
Arms = Annotated[Path | None, typer.Option(help="arms.toml; without it the arms are taken from the records.")]
Cache = Annotated[Path | None, typer.Option(help="Folder for distilled encoders. Default: ~/.cache/thinkgate.")]
