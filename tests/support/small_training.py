"""The smallest whole training run on SYNTHETIC records, made once, and newer records of the same world."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tests.support.synthetic_journal import QUICK
from training.pipeline.train import Trained, TrainSettings, train
from training.synthetic import World

WORLD = World(seed=3)
PROMPTS = 300


def write_records(path: Path, count: int, start: int = 0) -> Path:
    """Write paired outcome records of `count` prompts."""
    WORLD.records(WORLD.sample(count, start=start)).to_parquet(path)
    return path


@cache
def trained() -> Trained:
    """Train once for all tests of this process; nothing may be written into its folder."""
    folder = Path(mkdtemp(prefix="training"))
    records = write_records(folder / "history.parquet", PROMPTS)
    settings = TrainSettings(fit=QUICK, resamples=40, baselines=False, quarantine=folder / "history.quarantine.jsonl")
    return train([str(records)], folder / "bundle", settings)
