"""Charts of routing: which there are, and that they show the evaluation's own numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.evaluations import evaluation_of
from training.evaluation.results import Evaluation
from training.report.chart_specs import Chart
from training.report.routing_charts import routing_charts


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluation_of()


def by_key(evaluation: Evaluation) -> dict[str, Chart]:
    return {chart.key: chart for chart in routing_charts(evaluation)}


def test_charts_are_drawn_as_far_as_there_are_data(evaluation: Evaluation) -> None:
    assert list(by_key(evaluation)) == [
        "cost_quality", "over_random", "cost_usd", "standing", "learning", "off_policy",
    ]  # fmt: skip
    bare = replace(evaluation_of(priced=False), learning=(), policies=())
    assert list(by_key(bare)) == ["cost_quality", "over_random", "standing"]


def test_curves_are_the_routers_own_and_only_ours_has_a_band(evaluation: Evaluation) -> None:
    chart = by_key(evaluation)["over_random"]
    assert [series.name for series in chart.series] == [router.name for router in evaluation.routers]
    for series, router in zip(chart.series, evaluation.routers, strict=True):
        np.testing.assert_array_equal(series.y, router.curve.over_random)
        assert (series.lower is not None) == (router is evaluation.ours)


def test_roles_separate_ours_the_random_floor_and_the_oracle(evaluation: Evaluation) -> None:
    roles = {series.name: series.role for series in by_key(evaluation)["cost_quality"].series}
    assert roles["thinkgate"] == "ours"
    assert roles["rival"] == "baseline"
    assert roles["random"] == "floor"
    assert roles["oracle (knows the outcome)"] == "ceiling"
    assert roles["always direct"] == "note"


def test_oracle_shares_are_sorted_and_every_router_is_named(evaluation: Evaluation) -> None:
    chart = by_key(evaluation)["standing"]
    assert sorted(chart.categories) == sorted(router.name for router in evaluation.routers)
    values = np.full(len(chart.categories), np.nan)
    for series in chart.series:
        values[series.x.astype(int)] = series.y
    assert (np.diff(values) >= 0).all()


def test_the_off_policy_chart_leaves_out_what_is_not_estimated(evaluation: Evaluation) -> None:
    policy = evaluation.policies[0]
    assert policy.dr is None
    assert [series.name for series in by_key(evaluation)["off_policy"].series] == ["IPS", "SNIPS"]
