"""Errors of the Dask backend, as part of the error hierarchy of training.

::

    BadInput
    └── NotOnACluster         records that the backend can't read: not Parquet, or a protocol whose package is missing
    TrainingError
    └── ClusterError
        ├── SchedulerUnreachable
        ├── NoWorkers
        └── WorkerLost
"""

from __future__ import annotations

from training.errors import HistoryUnreadable, TrainingError


class NotOnACluster(HistoryUnreadable):
    """Records that the backend can't read: not Parquet, or a protocol whose package is missing."""


class ClusterError(TrainingError):
    """The cluster failed."""


class SchedulerUnreachable(ClusterError):
    """No scheduler answers at the address."""


class NoWorkers(ClusterError):
    """The scheduler has no workers, or workers that can't run this package."""


class WorkerLost(ClusterError):
    """A worker that held data was lost."""
