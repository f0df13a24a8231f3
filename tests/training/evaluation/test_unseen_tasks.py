"""Scores of task types that were left out of training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.fitted_histories import SETTINGS, FittedHistory, N, fitted_history
from training.evaluation.unseen_tasks import leave_tasks_out


@pytest.fixture(scope="module")
def paired() -> FittedHistory:
    return fitted_history(logged=False)


def test_unseen_task_types_are_scored_by_models_that_never_saw_them(paired: FittedHistory) -> None:
    steps: list[tuple[int, int]] = []
    found = leave_tasks_out(
        paired.data, paired.x, paired.fitted.learners[0], SETTINGS, lambda _, done, total: steps.append((done, total))
    )
    assert found is not None
    assert len(found.rows) == N
    tasks = paired.data.tasks[found.rows]
    for task in set(tasks):
        assert len(set(found.fold[tasks == task])) == 1, "a task type is left out as a whole"
    assert np.isfinite(found.score).all()
    assert found.score.shape == (N, 1)
    assert steps[-1][0] <= steps[-1][1]
    few = replace(paired.data, tasks=np.array(["a", "b"], object)[np.arange(N) % 2])
    assert leave_tasks_out(few, paired.x, paired.fitted.learners[0], SETTINGS) is None
