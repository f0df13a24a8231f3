"""Opens the backend that the settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from training.backends.base import Backend, BackendSettings
from training.backends.local import LocalBackend

DASK = "training.backends.dask.backend"
"""Imported by name when it is asked for: Dask takes seconds to import, and only its package depends on it."""


@contextmanager
def open_backend(settings: BackendSettings) -> Iterator[Backend]:
    """Open a backend, and release its cluster at the end.

    Raises
    ------
    SchedulerUnreachable, NoWorkers, WorkerLost
        The cluster can't be reached, has no workers, or lost one that held data.
    """
    if settings.name == "local":
        yield LocalBackend()
        return
    with import_module(DASK).open_cluster(settings) as backend:
        yield backend
