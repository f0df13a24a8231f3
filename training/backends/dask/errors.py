"""Errors of the Dask backend, as part of the error hierarchy of training.

::

    BadInput
    └── NotOnACluster         records that a cluster can't read: no Parquet, or a place whose package is missing
    TrainingError
    └── ClusterError
        ├── SchedulerUnreachable
        ├── NoWorkers
        └── WorkerLost
"""

from __future__ import annotations

from training.errors import HistoryUnreadable, TrainingError


class NotOnACluster(HistoryUnreadable):
    """Records that a cluster can't read: another format than Parquet, or a place whose package is missing."""


class ClusterError(TrainingError):
    """The cluster can't do its work."""


class SchedulerUnreachable(ClusterError):
    """No scheduler answers at the address."""


class NoWorkers(ClusterError):
    """The scheduler has no workers, or workers that can't run this package."""


class WorkerLost(ClusterError):
    """A worker is gone that held a part of the data."""
