"""Dask client that reports failures in one line and never waits for a lost worker."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Unfinished
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final, TypeVar

from distributed import Client, KilledWorker, LocalCluster
from distributed.client import FutureCancelledError
from distributed.comm import CommClosedError
from lightgbm.basic import LightGBMError

from training.backends.base import BackendSettings
from training.backends.dask.errors import ClusterError, NoWorkers, SchedulerUnreachable, WorkerLost

CONNECT_TIMEOUT_S: Final = 15.0
"""Within which a scheduler must answer, and have a worker."""
CHECK_INTERVAL_S: Final = 0.5
"""Between checks for lost workers while boosters train."""
NOISY_LOGGERS: Final = (
    "distributed.shuffle",
    "distributed.worker",
    "distributed.scheduler",
    "distributed.nanny",
)
LOSS_GRACE_S: Final = 5.0
"""Within which the scheduler notices a lost worker after its peers have."""
FREE_PORT: Final = "127.0.0.1:0"
"""Of the scheduler's HTTP server: the default port would clash with another cluster on this machine."""
T = TypeVar("T")


class Cluster:
    """The workers that hold the partitions.

    Parameters
    ----------
    client
        Of `distributed`.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    @property
    def workers(self) -> tuple[str, ...]:
        """Addresses of the connected workers."""
        return tuple(sorted(self.client.scheduler_info(n_workers=-1)["workers"]))

    def map(
        self, task: Callable[..., Any], *each: Sequence[Any], at: Sequence[str] | None = None, **same: Any
    ) -> list[Any]:
        """Start one task per element of the sequences; gives futures, whose results stay on the workers.

        Parameters
        ----------
        at
            Preferred worker of each task.
        """
        wanted: Sequence[str | None] = at or [None] * len(each[0])
        return [
            self.client.submit(
                task,
                *one,
                **same,
                pure=False,
                workers=None if worker is None else [worker],
                allow_other_workers=worker is not None,
            )
            for worker, one in zip(wanted, zip(*each, strict=True), strict=True)
        ]

    def gather(self, futures: Sequence[Any]) -> list[Any]:
        """Fetch results; an error that a task raised is raised here.

        Raises
        ------
        WorkerLost
            The same task killed several workers, or the scheduler is gone.
        """
        with explain_lost_worker():
            return list(self.client.gather(list(futures)))

    def run_supervised(self, work: Callable[[], T], holders: Sequence[str]) -> T:
        """Run work that needs all these workers to the end, and stop when one of them is lost.

        Raises
        ------
        WorkerLost
            LightGBM can't continue without one of its machines; it would wait for it.
        """
        with ThreadPoolExecutor(1) as pool, explain_lost_worker():
            done = pool.submit(work)
            while True:
                try:
                    return done.result(CHECK_INTERVAL_S)
                except Unfinished:
                    if lost := self._lost_worker(holders):
                        self.client.cancel(list(self.client.futures), force=True)
                        raise _worker_lost(lost) from None
                except (FutureCancelledError, LightGBMError) as error:  # how the loss of a peer shows on the others
                    ends = time.monotonic() + LOSS_GRACE_S
                    while time.monotonic() < ends:
                        if lost := self._lost_worker(holders):
                            raise _worker_lost(lost) from error
                        time.sleep(CHECK_INTERVAL_S)
                    raise ClusterError(f"LightGBM stopped on the workers: {_first_line(error)}") from error

    def _lost_worker(self, holders: Sequence[str]) -> str | None:
        return min(set(holders) - set(self.workers), default=None)


@contextmanager
def connect(settings: BackendSettings) -> Iterator[Cluster]:
    """Connect to the named scheduler, or start a cluster here and stop it at the end.

    Raises
    ------
    SchedulerUnreachable, NoWorkers
        No scheduler answers, or it has no usable workers.
    """
    _silence_loggers()
    if settings.scheduler is None:
        count = settings.workers or os.cpu_count() or 1
        # One process each: LightGBM's network is one per process. Its threads are the worker's.
        started = LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            dashboard_address=FREE_PORT,
            scheduler_kwargs={"dashboard": False},
        )
        with started, Client(started) as client:
            _prepare_process()
            client.run(_prepare_process)
            client.run(_silence_worker)
            yield Cluster(client)
        return
    with _connected(settings.scheduler) as client:
        _require_workers(client, settings.scheduler)
        yield Cluster(client)


@contextmanager
def explain_lost_worker() -> Iterator[None]:
    """Turn what Dask raises when workers or the scheduler die into one line.

    Raises
    ------
    WorkerLost
    """
    try:
        yield
    except KilledWorker as error:
        raise _worker_lost(str(getattr(error.last_worker, "address", error.last_worker))) from error
    except (CommClosedError, FutureCancelledError) as error:
        raise WorkerLost(f"the scheduler is gone ({_first_line(error)}): start it again, then train again") from error


def _worker_lost(worker: str) -> WorkerLost:
    return WorkerLost(
        f"worker {worker} was lost, and its part of the data with it: give workers more memory (dask worker "
        "--memory-limit) or take more of them, then train again"
    )


@contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    try:
        client = Client(scheduler, timeout=CONNECT_TIMEOUT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise SchedulerUnreachable(
            f"no Dask scheduler answers at {scheduler} ({_first_line(error)}): start one with 'dask scheduler', or "
            "leave --scheduler out"
        ) from error
    with client:
        yield client


def _require_workers(client: Client, scheduler: str) -> None:
    ends = time.monotonic() + CONNECT_TIMEOUT_S
    while not client.scheduler_info()["workers"]:
        if time.monotonic() > ends:
            raise NoWorkers(f"the scheduler at {scheduler} has no workers: start some with 'dask worker {scheduler}'")
        time.sleep(CHECK_INTERVAL_S)
    _prepare_process()
    try:
        client.run(_prepare_process)
    except Exception as error:
        raise NoWorkers(
            f"workers of {scheduler} can't run thinkgate ({_first_line(error)}): install thinkgate[train] of the same "
            "version on every worker"
        ) from error


def _prepare_process() -> None:
    """Import what a worker needs, and silence LightGBM's messages about ports and sockets."""
    import lightgbm as lgb

    import_module("training.backends.dask.trainer")  # by name: it imports this module
    quiet = logging.getLogger("lightgbm")
    quiet.setLevel(logging.ERROR)
    lgb.register_logger(quiet)


def _silence_loggers() -> None:
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)


def _silence_worker() -> None:
    """Silence a worker that was started here; failures are reported once, by the client.

    LightGBM's network threads write to standard output, whatever its verbosity.
    """
    _silence_loggers()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
