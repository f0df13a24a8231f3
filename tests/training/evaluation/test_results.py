"""What an evaluation derives from its own figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.evaluations import evaluation_of
from training.evaluation.results import TaskRow
from training.metrics.bootstrap import Interval

FOUND = evaluation_of()


def row(name: str, count: int, lost: float) -> TaskRow:
    return TaskRow(name, count, 0.5, 0.6, Interval(0.1, 0.0, 0.2), 0.1, 0.5, 0.6 - lost, lost)


def test_worst_tasks_are_ordered_by_total_loss_and_gains_are_left_out() -> None:
    tasks = (row("large", 100, 0.02), row("small", 10, 0.1), row("huge", 1000, 0.01), row("gain", 50, -0.2))
    assert [task.task for task in replace(FOUND, tasks=tasks).worst_tasks] == ["huge", "large", "small"]
    many = tuple(row(str(k), 10, 0.1) for k in range(20))
    assert len(replace(FOUND, tasks=many).worst_tasks) == 8


def test_metrics_are_finite_numbers_of_our_router() -> None:
    metrics = FOUND.metrics
    assert metrics["area"] == FOUND.ours.area.value
    assert FOUND.ours.oracle_share is not None
    assert metrics["oracle_share_lower"] == FOUND.ours.oracle_share.lower
    assert metrics["calls_at_equal_quality"] == FOUND.ours.equal_quality.calls.value
    assert {"ece_direct", "brier_reasoning", "coverage_p95_output_tokens_direct"} <= set(metrics)
    assert all(np.isfinite(value) for value in metrics.values())


def test_metrics_of_what_is_not_known_are_left_out() -> None:
    bare = replace(FOUND, unseen=None, calibration=(), forecasts=())
    left = set(FOUND.metrics) - set(bare.metrics)
    assert {"support_auroc", "oracle_share_unseen", "ece_direct"} <= left
    assert bare.metrics["area"] == pytest.approx(FOUND.metrics["area"])
