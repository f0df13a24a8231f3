"""Time of training on a Dask cluster of 1 and 2 workers, by stage, beside one machine.

SYNTHETIC rows. Every run is a process of its own; each worker has one thread, and so has one machine beside it.
Reading, encoding and learning are timed; judging and exporting are not: they read the prompts at hand, however many
machines there are. Loopback traffic is that of the whole machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
from rich.console import Console

from training.backends.base import BackendSettings
from training.models.fit import STANDARD
from training.pipeline.train import TrainSettings, learn
from training.synthetic import World

CACHE = Path("var/cache")
FILES = 8
STAGES = {
    "reading history": "read",
    "exchange rows": "read",
    "encode": "encode",
    "learn": "learn",
}
"""Stages of `learn` by the column they go to; all others are what the driver does alone."""
COLUMNS = ("start", "read", "encode", "learn", "driver")


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds by column, bytes that went over loopback while success and uplift were learnt, and bytes of the files."""

    seconds: dict[str, float]
    learn_bytes: int
    file_bytes: int

    @property
    def total(self) -> float:
        """Seconds of all."""
        return sum(self.seconds.values())


class Stages:
    """A progress that adds up seconds, and loopback bytes while boosters are learnt."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(COLUMNS, 0.0)
        self.learn_bytes = 0
        self._column, self._since, self._sent = "start", time.perf_counter(), _loopback()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note what begins."""
        column = STAGES.get(stage, "driver")
        if column != self._column:
            self.switch(column)

    def switch(self, column: str) -> None:
        """Book the time since the last switch."""
        now, sent = time.perf_counter(), _loopback()
        self.seconds[self._column] += now - self._since
        if self._column == "learn":
            self.learn_bytes += sent - self._sent
        self._column, self._since, self._sent = column, now, sent


def main() -> None:
    """Measure every size and number of workers asked for, print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 100_000])
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2], help="0: one machine, without Dask")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        _child(options.folder, options.child)
        return
    console = Console(width=160, highlight=False)
    console.print(
        "| rows | engine | " + " | ".join(COLUMNS) + " | all, s | loopback while learning, MB |", soft_wrap=True
    )
    console.print("|---|---|" + "---|" * (len(COLUMNS) + 2), soft_wrap=True)
    with tempfile.TemporaryDirectory() as folder:
        for rows in options.rows:
            data = _written(Path(folder) / str(rows), rows)
            for workers in options.workers:
                run = _measured(data, workers)
                cells = [f"{run.seconds[name]:.1f}" for name in COLUMNS]
                name = "local, 1 thread" if not workers else f"dask, {workers} worker{'s' * (workers > 1)}"
                network = f"{run.learn_bytes / 1e6:,.0f}" if workers else ""
                console.print(
                    f"| {rows:,} | {name} | {' | '.join(cells)} | {run.total:.1f} | {network} |", soft_wrap=True
                )
            console.print(
                f"<!-- {rows:,} rows take {run.file_bytes / rows:.0f} bytes each in Parquet -->", soft_wrap=True
            )


def _written(folder: Path, rows: int) -> Path:
    """Write paired records, two a prompt, into several files."""
    folder.mkdir()
    for k in range(FILES):
        World(seed=5 + k).write_parquet(folder / f"{k}.parquet", rows // 2 // FILES)
    return folder


def _measured(folder: Path, workers: int) -> Run:
    command = [sys.executable, "-m", "tests.benchmarks.run_dask", "--child", str(workers), "--folder", str(folder)]
    words = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    told = json.loads(words.splitlines()[-1])
    return Run(told["seconds"], told["bytes"], sum(file.stat().st_size for file in folder.iterdir()))


def _child(folder: Path, workers: int) -> None:
    warnings.simplefilter("ignore")
    engine = BackendSettings("dask", workers=workers) if workers else BackendSettings()
    stages = Stages()
    settings = TrainSettings(cache=CACHE, fit=replace(STANDARD, threads=1), engine=engine)
    learn([str(folder)], settings, stages)
    stages.switch("driver")
    sys.stdout.write(json.dumps({"seconds": stages.seconds, "bytes": stages.learn_bytes}) + "\n")


def _loopback() -> int:
    return int(psutil.net_io_counters(pernic=True)["lo"].bytes_sent)


if __name__ == "__main__":
    main()
