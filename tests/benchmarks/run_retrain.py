"""Time and peak memory of one step of the loop on a long journal.

SYNTHETIC: prompts and outcomes come from the made-up world. A first champion decides every request with its policy's
exploration, so propensities are exact; the journal is a real one, and so is the retraining: the journal is exported and
read, a challenger trained on all but the newest fifth, compared with the champion on that, and the verdict registered.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from serving.decision.bundle.loader import load_bundle
from serving.decision.engine import Engine
from serving.journal.store import Store
from tests.benchmarks.watched import GIB, StageClock, watch
from tests.support.synthetic_journal import EXPLORING, EXPLORING_TOML, Clock, in_order, keep, traffic
from training.pipeline.train import TrainSettings
from training.retraining.retrain import RetrainSettings, retrain
from training.synthetic import World

CACHE = Path("var/cache")
FIRST = 2000
"""Paired prompts that the first champion learns from."""
PART = 10_000


def main() -> None:
    """Fill a journal, retrain from it in a process of its own, print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="keep everything here; a journal that is there is used again")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child)
        return
    with tempfile.TemporaryDirectory() as made:
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        _fill(folder, options.rows)
        taken = watch(["-m", "tests.benchmarks.run_retrain", "--child", str(folder)])
    console = Console(width=140)
    console.print(taken.said, highlight=False, soft_wrap=True)
    console.print(
        f"retrain on {options.rows:,} decisions: {taken.seconds:.0f} s, {taken.cpu_seconds:.0f} s of processor time,"
        f" peak {taken.peak_bytes / GIB:.2f} GiB"
    )
    table = Table()
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for stage, seconds in taken.stages:
        table.add_row(stage, f"{seconds:.1f}")
    console.print(table)


def _settings(folder: Path) -> RetrainSettings:
    return RetrainSettings(
        work=folder / "work",
        registry=f"sqlite:///{folder / 'mlflow.db'}",
        policy=folder / "policy.toml",
        publish=folder / "live",
        train=TrainSettings(cache=CACHE),
    )


def _fill(folder: Path, rows: int) -> None:
    """Train the first champion and let it decide `rows` requests into a journal, outcomes beside them."""
    path = folder / "journal.db"
    if path.is_file():
        return
    warnings.simplefilter("ignore")
    world = World(seed=5)
    (folder / "policy.toml").write_text(EXPLORING_TOML)
    world.records(world.sample(FIRST)).to_parquet(folder / "first.parquet")
    retrain(replace(_settings(folder), history=(str(folder / "first.parquet"),)))
    start = time.perf_counter()
    clock = Clock()
    engine = Engine(load_bundle(folder / "live"), EXPLORING, clock=clock)
    part = path.with_suffix(".part")
    store = Store(f"sqlite:///{part}")
    store.upgrade()
    rng = np.random.default_rng(0)
    for first in range(0, rows, PART):
        draws = in_order(world.sample(min(PART, rows - first), FIRST + first))
        keep(store, traffic(engine, clock, draws, rng))
    store.close()
    part.replace(path)
    sys.stderr.write(f"journal of {rows} decisions: {time.perf_counter() - start:.0f} s\n")


def _child(folder: Path) -> None:
    warnings.simplefilter("ignore")
    clock = StageClock()
    done = retrain(replace(_settings(folder), journal=f"sqlite:///{folder / 'journal.db'}"), clock)
    sys.stdout.write(f"{done.exported}\n{done.entry.verdict}: {done.entry.guard}, {done.entry.reason}\n")
    if done.comparison is not None:
        sys.stdout.write(
            f"window {done.comparison.requests} requests, {done.comparison.differ:.1%} served differently\n"
        )
    clock.tell()


if __name__ == "__main__":
    main()
