"""A Dask client that says in one line what is wrong, and never waits for a worker that is gone."""

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

PATIENCE: Final = 15.0
"""Seconds until a scheduler must have answered, and until it must have a worker."""
LOOK_EVERY: Final = 0.5
"""Seconds between looks at who is still there, while boosters are learnt."""
CHATTER: Final = (
    "distributed.shuffle",
    "distributed.worker",
    "distributed.scheduler",
    "distributed.nanny",
)
GRACE: Final = 5.0
"""Seconds in which the scheduler notices that a worker is gone, after its neighbours have."""
T = TypeVar("T")


class Cluster:
    """The workers that hold the parts.

    Parameters
    ----------
    client
        Of `distributed`.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    @property
    def workers(self) -> tuple[str, ...]:
        """Addresses of those that are there now."""
        return tuple(sorted(self.client.scheduler_info(n_workers=-1)["workers"]))

    def map(
        self, task: Callable[..., Any], *each: Sequence[Any], at: Sequence[str] | None = None, **same: Any
    ) -> list[Any]:
        """Start a task for each place of the sequences; gives futures, whose results stay on the workers.

        Parameters
        ----------
        at
            Worker of each task, if it is still there.
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
            The same task took several workers down, or the scheduler is gone.
        """
        with explain_lost_worker():
            return list(self.client.gather(list(futures)))

    def watched(self, work: Callable[[], T], holders: Sequence[str]) -> T:
        """Do something that needs all these workers to the end, and stop when one of them is gone.

        Raises
        ------
        WorkerLost
            LightGBM can't go on without one of its machines; it would wait for it.
        """
        with ThreadPoolExecutor(1) as pool, explain_lost_worker():
            done = pool.submit(work)
            while True:
                try:
                    return done.result(LOOK_EVERY)
                except Unfinished:
                    if gone := self._gone(holders):
                        self.client.cancel(list(self.client.futures), force=True)
                        raise _lost(gone) from None
                except (FutureCancelledError, LightGBMError) as error:  # what is left of the others' connection
                    ends = time.monotonic() + GRACE
                    while time.monotonic() < ends:
                        if gone := self._gone(holders):
                            raise _lost(gone) from error
                        time.sleep(LOOK_EVERY)
                    raise ClusterError(f"LightGBM stopped on the workers: {_first_line(error)}") from error

    def _gone(self, holders: Sequence[str]) -> str | None:
        return min(set(holders) - set(self.workers), default=None)


@contextmanager
def connect(engine: BackendSettings) -> Iterator[Cluster]:
    """Connect to the scheduler that is named, or start a cluster here; what was started here is stopped.

    Raises
    ------
    SchedulerUnreachable, NoWorkers
        Nobody answers, or nobody is there to work.
    """
    _hush()
    if engine.scheduler is None:
        count = engine.workers or os.cpu_count() or 1
        # One process each: LightGBM's network is one per process. Its threads are the worker's.
        started = LocalCluster(n_workers=count, threads_per_worker=1, processes=True, dashboard_address=None)
        with started, Client(started) as client:
            _hello()
            client.run(_hello)
            client.run(_mute)
            yield Cluster(client)
        return
    with _reached(engine.scheduler) as client:
        _require_workers(client, engine.scheduler)
        yield Cluster(client)


@contextmanager
def explain_lost_worker() -> Iterator[None]:
    """Turn what Dask raises when workers or the scheduler die into one line."""
    try:
        yield
    except KilledWorker as error:
        raise _lost(str(getattr(error.last_worker, "address", error.last_worker))) from error
    except (CommClosedError, FutureCancelledError) as error:
        raise WorkerLost(f"the scheduler is gone ({_first_line(error)}): start it again, then train again") from error


def _lost(worker: str) -> WorkerLost:
    return WorkerLost(
        f"worker {worker} was lost, and its part of the data with it: give workers more memory (dask worker "
        "--memory-limit) or take more of them, then train again"
    )


@contextmanager
def _reached(scheduler: str) -> Iterator[Client]:
    try:
        client = Client(scheduler, timeout=PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise SchedulerUnreachable(
            f"no Dask scheduler answers at {scheduler} ({_first_line(error)}): start one with 'dask scheduler', or "
            "leave --scheduler out"
        ) from error
    with client:
        yield client


def _require_workers(client: Client, scheduler: str) -> None:
    ends = time.monotonic() + PATIENCE
    while not client.scheduler_info()["workers"]:
        if time.monotonic() > ends:
            raise NoWorkers(f"the scheduler at {scheduler} has no workers: start some with 'dask worker {scheduler}'")
        time.sleep(LOOK_EVERY)
    _hello()
    try:
        client.run(_hello)
    except Exception as error:
        raise NoWorkers(
            f"workers of {scheduler} can't run thinkgate ({_first_line(error)}): install thinkgate[train] of the same "
            "version on every worker"
        ) from error


def _hello() -> None:
    """Import what a worker needs, and keep LightGBM from telling about ports and sockets."""
    import lightgbm as lgb

    import_module("training.backends.dask.trainer")  # by name: it imports this module
    quiet = logging.getLogger("lightgbm")
    quiet.setLevel(logging.ERROR)
    lgb.register_logger(quiet)


def _hush() -> None:
    for name in CHATTER:
        logging.getLogger(name).setLevel(logging.ERROR)


def _mute() -> None:
    """Keep a worker that was started here from talking between our lines; what goes wrong is told once, by us.

    LightGBM's network threads write to standard output, whatever its verbosity.
    """
    _hush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
