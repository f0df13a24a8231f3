"""The tables of the report: which there are, what they show, and that text from the data is escaped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.evaluations import evaluation_of
from training.evaluation.results import Evaluation
from training.report.tables import tables


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluation_of()


def by_place(evaluation: Evaluation) -> dict[str, str]:
    return {table.place: table.html for table in tables(evaluation)}


def test_every_part_of_the_evaluation_has_its_table(evaluation: Evaluation) -> None:
    assert list(by_place(evaluation)) == [
        "cost_quality",
        "standing",
        "buckets",
        "tasks",
        "support",
        "calibration",
        "output_tokens",
        "off_policy",
    ]


def test_parts_without_data_have_none(evaluation: Evaluation) -> None:
    bare = replace(evaluation, buckets=(), tasks=(), unseen=None, forecasts=(), policies=(), calibration=())
    assert list(by_place(bare)) == ["cost_quality", "standing"]


def test_our_router_is_the_highlighted_row(evaluation: Evaluation) -> None:
    html = by_place(evaluation)["standing"]
    assert html.count("<tr class=ours><td>thinkgate</td>") == 2
    assert html.count("<tr class=ours>") == 2
    assert str(evaluation.ours.oracle_share) in html


def test_unpriced_evaluations_have_no_money_columns(evaluation: Evaluation) -> None:
    assert "cost of 1,000 requests" in by_place(evaluation)["cost_quality"]
    free = by_place(evaluation_of(priced=False))
    assert not any("$" in html or "1,000 successes" in html for html in free.values())


def test_task_names_are_escaped(evaluation: Evaluation) -> None:
    html = by_place(evaluation)["tasks"]
    assert "&lt;b&gt;odd&lt;/b&gt; &amp; ends" in html
    assert "<b>odd" not in html
