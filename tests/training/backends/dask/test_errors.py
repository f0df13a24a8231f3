"""Errors of the Dask backend are caught with those of training."""

from __future__ import annotations

import pytest

from serving.decision.errors import BadInput
from training.backends.dask.errors import ClusterError, NotOnACluster, NoWorkers, SchedulerUnreachable, WorkerLost
from training.errors import BadHistory, TrainingError


@pytest.mark.parametrize("error", [SchedulerUnreachable, NoWorkers, WorkerLost])
def test_failures_of_a_cluster_are_no_fault_of_the_input(error: type[ClusterError]) -> None:
    with pytest.raises(ClusterError, match="lost") as caught:
        raise error("lost")
    assert isinstance(caught.value, TrainingError)
    assert not isinstance(caught.value, BadInput)


def test_unreadable_records_are_bad_input() -> None:
    with pytest.raises(BadHistory) as caught:
        raise NotOnACluster("a.csv is no Parquet file")
    assert isinstance(caught.value, BadInput)
    assert not isinstance(caught.value, ClusterError)
