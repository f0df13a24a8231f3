"""Charts of the model: which there are, and that they show the evaluation's own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.evaluations import evaluation_of
from training.evaluation.results import Evaluation
from training.report.chart_specs import Chart
from training.report.model_charts import TASKS_SHOWN, model_charts


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluation_of()


def by_key(evaluation: Evaluation) -> dict[str, Chart]:
    return {chart.key: chart for chart in model_charts(evaluation)}


def test_charts_are_drawn_as_far_as_there_are_data(evaluation: Evaluation) -> None:
    assert list(by_key(evaluation)) == ["uplift", "calibration", "buckets", "tasks", "support", "output_tokens"]
    bare = replace(evaluation, calibration=(), buckets=(), tasks=(), unseen=None, forecasts=())
    assert list(by_key(bare)) == ["uplift"]


def test_the_uplift_chart_is_realised_against_predicted(evaluation: Evaluation) -> None:
    (series,) = by_key(evaluation)["uplift"].series
    np.testing.assert_array_equal(series.x, evaluation.uplift_bins.predicted)
    np.testing.assert_array_equal(series.y, evaluation.uplift_bins.realised)
    assert "really happened" in by_key(evaluation)["uplift"].note
    assert "doubly robust" in by_key(replace(evaluation, oracle=None))["uplift"].note


def test_bucket_whiskers_are_the_uplift_above_the_baseline(evaluation: Evaluation) -> None:
    direct, reference = by_key(evaluation)["buckets"].series
    assert reference.lower is not None
    for place, bucket in enumerate(evaluation.buckets):
        assert direct.y[place] == bucket.baseline_success
        assert reference.y[place] == bucket.reference_success
        assert reference.lower[place] == pytest.approx(bucket.baseline_success + bucket.uplift.lower)


def test_only_the_largest_tasks_are_shown_by_uplift(evaluation: Evaluation) -> None:
    many = tuple(replace(evaluation.tasks[0], task=f"t{k}", count=100 - k) for k in range(TASKS_SHOWN + 5))
    chart = by_key(replace(evaluation, tasks=many))["tasks"]
    assert len(chart.categories) == TASKS_SHOWN
    assert chart.note.startswith(f"The {TASKS_SHOWN} largest of {TASKS_SHOWN + 5} task types.")
    realised = by_key(evaluation)["tasks"].series[0]
    assert (np.diff(realised.y) >= 0).all()


def test_forecasts_fit_a_logarithmic_axis(evaluation: Evaluation) -> None:
    chart = by_key(evaluation)["output_tokens"]
    assert chart.log_x
    assert all((series.x > 0).all() and (series.y > 0).all() for series in chart.series)
