"""Time and peak memory of reading and of training on synthetic histories of growing size.

Every measurement runs in a process of its own and is watched from outside: the resident memory of the process and all
its children together, sampled five times a second.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from tests.benchmarks.watched import GIB, StageClock, Watched, watch
from training.pipeline.train import TrainSettings, train
from training.records.history import read
from training.synthetic import LegacyRouter, World

CACHE = Path("var/cache")
FORMATS = ("parquet", "jsonl", "csv")


def main() -> None:
    """Measure every size asked for, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--logged", action="store_true", help="one arm per prompt, as a confounded old policy chose it")
    parser.add_argument("--read-only", action="store_true", help="read the history in each format, train nothing")
    parser.add_argument("--child", choices=["train", "read"], help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child, options.file)
        return
    console = Console(width=140)
    with tempfile.TemporaryDirectory() as folder:
        for rows in options.rows:
            history = Path(folder) / f"world-{rows}.parquet"
            _write(history, rows, logged=options.logged)
            if options.read_only:
                _reading(console, history, rows)
            else:
                _training(console, history, rows, logged=options.logged)


def _write(path: Path, rows: int, *, logged: bool) -> None:
    """Write a history of so many rows: paired ones have two a prompt."""
    World(seed=5).write_parquet(path, rows if logged else rows // 2, LegacyRouter() if logged else None)


def _training(console: Console, history: Path, rows: int, *, logged: bool) -> None:
    kind = "logged, one arm a prompt" if logged else "paired, two rows a prompt"
    taken = _watch("train", history)
    table = Table(
        title=f"Training on {rows:,} rows ({kind}): {taken.seconds:.0f} s, peak {taken.peak_bytes / GIB:.2f} GiB"
    )
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for stage, seconds in taken.stages:
        table.add_row(stage, f"{seconds:.1f}")
    console.print(table)


def _reading(console: Console, history: Path, rows: int) -> None:
    table = Table(title=f"Reading {rows:,} rows")
    for column in ("format", "file MiB", "seconds", "peak GiB"):
        table.add_column(column, justify="left" if column == "format" else "right")
    for kind in FORMATS:
        path = history if kind == "parquet" else _converted(history, kind)
        taken = _watch("read", path)
        size = path.stat().st_size / 2**20
        table.add_row(kind, f"{size:.0f}", f"{taken.seconds:.1f}", f"{taken.peak_bytes / GIB:.2f}")
        if kind != "parquet":
            path.unlink()
    console.print(table)


def _converted(history: Path, kind: str) -> Path:
    """Write the same rows as text, batch by batch."""
    path = history.with_suffix(f".{kind}")
    with path.open("w", encoding="utf-8") as file:
        for number, batch in enumerate(pq.ParquetFile(history).iter_batches(20_000)):
            frame = batch.to_pandas()
            if kind == "csv":
                frame["messages"] = [None if cell is None else json.dumps(list(cell)) for cell in frame["messages"]]
                frame.to_csv(file, index=False, header=number == 0)
            else:
                frame.to_json(file, orient="records", lines=True, force_ascii=False, date_format="iso")
    return path


def _watch(child: str, file: Path) -> Watched:
    """Run this module again as a child and watch what it takes."""
    return watch(["-m", "tests.benchmarks.run_scale", "--child", child, "--file", str(file)])


def _child(child: str, file: Path) -> None:
    warnings.simplefilter("ignore")
    clock = StageClock()
    if child == "read":
        read(file, progress=clock)
    else:
        with tempfile.TemporaryDirectory() as out:
            train([str(file)], Path(out) / "bundle", TrainSettings(cache=CACHE), clock)
    clock.tell()


if __name__ == "__main__":
    main()
