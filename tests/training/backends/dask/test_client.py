"""Connections to a cluster: what is wrong is said in one line, and what was started is stopped."""

from __future__ import annotations

import os
import threading

import pytest
from distributed import LocalCluster
from lightgbm.basic import LightGBMError

from training.backends.base import BackendSettings
from training.backends.dask import client
from training.backends.dask.client import connect
from training.backends.dask.errors import ClusterError, NoWorkers, SchedulerUnreachable, WorkerLost


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
    with LocalCluster(n_workers=0, dashboard_address=client.FREE_PORT, scheduler_kwargs={"dashboard": False}) as empty:
        address = empty.scheduler_address
        wanted = f"has no workers: start some with 'dask worker {address}'"
        with pytest.raises(NoWorkers, match=wanted), connect(BackendSettings("dask", address)):
            pass


def test_tasks_run_on_the_workers_and_results_come_in_order(scheduler: str) -> None:
    with connect(BackendSettings("dask", scheduler)) as cluster:
        cluster.client.wait_for_workers(2, timeout=60)  # another test may have killed one
        assert len(cluster.workers) == 2
        assert cluster.gather(cluster.map(pow, [2, 3, 4], [1, 2, 3])) == [2, 9, 64]
        pids = cluster.gather(cluster.map(_pid, [0, 1], at=cluster.workers))
    assert len(set(pids)) == 2
    assert os.getpid() not in pids


def test_an_error_of_a_task_is_raised_as_it_is(scheduler: str) -> None:
    with connect(BackendSettings("dask", scheduler)) as cluster, pytest.raises(ZeroDivisionError):
        cluster.gather(cluster.map(divmod, [1], [0]))


def test_work_that_needs_a_worker_stops_when_it_is_gone(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CHECK_INTERVAL_S", 0.05)
    release = threading.Event()
    with connect(BackendSettings("dask", scheduler)) as cluster:
        assert cluster.run_supervised(lambda: 7, cluster.workers) == 7
        threading.Timer(1.0, release.set).start()  # the pool waits for its thread
        with pytest.raises(WorkerLost, match=r"worker tcp://127\.0\.0\.1:9 was lost.*train again"):
            cluster.run_supervised(release.wait, (*cluster.workers, "tcp://127.0.0.1:9"))


def test_an_error_of_lightgbm_with_all_workers_there_is_told_as_such(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LOSS_GRACE_S", 0.1)

    def fail() -> None:
        raise LightGBMError("Check failed: bins\nsecond line")

    with (
        connect(BackendSettings("dask", scheduler)) as cluster,
        pytest.raises(ClusterError, match=r"LightGBM stopped on the workers: Check failed: bins$"),
    ):
        cluster.run_supervised(fail, cluster.workers)


def _pid(_: int) -> int:
    return os.getpid()
