"""One cluster for all tests of this folder: two worker processes of one thread, reached through its scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from training.backends.base import BackendSettings
from training.backends.dask.client import connect
from training.synthetic import LoggingPolicy, World

CORE = ["request_id", "prompt_id", "prompt", "messages", "arm", "success", "propensity", "task", "timestamp", "source"]


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    with connect(BackendSettings("dask", workers=2)) as cluster:
        yield cluster.client.scheduler.address


def records(n: int, policy: LoggingPolicy | None = None, seed: int = 3) -> pd.DataFrame:
    """Give the records of a synthetic world; without tokens and latency, whose heads are learnt on the driver."""
    world = World(seed)
    frame = world.records(world.sample(n), policy)
    return frame[[name for name in CORE if name in frame]]


def scattered(frame: pd.DataFrame, folder: Path, files: int = 3) -> Path:
    """Write rows in turn into files of several row groups, so that the rows of a prompt lie in different ones."""
    folder.mkdir()
    for k in range(files):
        frame.iloc[k::files].to_parquet(folder / f"part-{k}.parquet", row_group_size=max(1, len(frame) // files // 2))
    return folder
