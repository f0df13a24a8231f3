"""What is wrong with a cluster is said in one line."""

from __future__ import annotations

import pytest
from distributed import LocalCluster

from serving.decision.errors import BadInput
from training.backends.base import BackendSettings
from training.backends.dask import client
from training.backends.dask.client import connect
from training.backends.dask.errors import NoWorkers, SchedulerUnreachable


def test_a_scheduler_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_TIMEOUT_S", 0.3)
    for address in ("tcp://127.0.0.1:9", "carrier-pigeon://here:1"):
        with (
            pytest.raises(
                SchedulerUnreachable, match=f"no Dask scheduler answers at {address}.*dask scheduler"
            ) as told,
            connect(BackendSettings("dask", address)),
        ):
            pass
        assert "\n" not in str(told.value)


def test_a_scheduler_without_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CONNECT_TIMEOUT_S", 0.5)
    with LocalCluster(n_workers=0, dashboard_address=None) as empty:
        address = empty.scheduler_address
        wanted = f"has no workers: start some with 'dask worker {address}'"
        with pytest.raises(NoWorkers, match=wanted), connect(BackendSettings("dask", address)):
            pass


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(BadInput, match="--engine dask"):
        BackendSettings(scheduler="tcp://here:8786")
    with pytest.raises(BadInput, match="not both"):
        BackendSettings("dask", "tcp://here:8786", 2)
