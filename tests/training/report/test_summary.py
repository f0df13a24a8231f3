"""The sentences of an evaluation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.evaluations import evaluation_of
from training.evaluation.results import Evaluation
from training.metrics.bootstrap import Interval
from training.metrics.risk_control import NoCertificate
from training.report.summary import summary, usd_with_interval


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluation_of()


def test_a_rival_that_is_better_is_named_as_such(evaluation: Evaluation) -> None:
    worse = replace(evaluation.routers[1], ahead=Interval(-0.2, -0.3, -0.1))
    open_ = replace(evaluation.routers[2], ahead=Interval(0.0, -0.1, 0.1))
    said = " ".join(summary(replace(evaluation, routers=(evaluation.routers[0], worse, open_))))
    assert "BELOW rival" in said
    assert "Not distinguishable from random" in said


def test_a_missing_certificate_is_said_with_its_reason(evaluation: Evaluation) -> None:
    without = replace(evaluation, certificate=NoCertificate(0.02, 0.1, "too few prompts", 30))
    assert "No certificate for a loss of at most 2 points: too few prompts." in summary(without)


def test_amounts_keep_their_digits() -> None:
    assert usd_with_interval(Interval(1234.5, 1000, 1500)) == "$1,234 [1,000, 1,500]"
    assert usd_with_interval(Interval(0.0, 0.0, 0.0)) == "$0.00 [0.00, 0.00]"
