"""Contained failures: counted all, logged once a second, without a word of what they were about."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

import pytest

from serving.service.failures import FailureLog, NotFiniteError, require_finite
from tests.support.fakes import LengthDecider
from tests.support.policy_cases import ask

SECOND_NS = 1_000_000_000


def _error() -> Exception:
    try:
        raise ValueError("the secret prompt")
    except ValueError as error:
        return error


def test_one_line_a_second_counts_what_was_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    now = [0]
    failures = FailureLog(lambda: now[0])
    with caplog.at_level(logging.ERROR):
        for at in (0, 1, 2, SECOND_NS, SECOND_NS + 1, 2 * SECOND_NS):
            now[0] = at
            failures.contain(_error())
    counts = [int(record.getMessage().split(" ")[0]) for record in caplog.records]
    assert (failures.contained, sum(counts), len(counts)) == (6, 6, 3)


def test_the_log_names_class_and_place_and_no_message(caplog: pytest.LogCaptureFixture) -> None:
    failures = FailureLog(lambda: 0)
    failures.contain(_error())
    assert "ValueError in _error" in caplog.text
    assert "secret" not in caplog.text
    assert "secret" not in str([record.args for record in caplog.records])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", ["propensity", "support"])
def test_decisions_that_are_not_finite_are_rejected(field: str, value: float) -> None:
    decision = LengthDecider().decide(ask())
    require_finite(decision)
    changed = replace(decision, propensity=value) if field == "propensity" else replace(decision, support=value)
    with pytest.raises(NotFiniteError):
        require_finite(changed)


@pytest.mark.parametrize("field", ["success", "cost_usd", "latency_p95_ms", "output_tokens"])
def test_so_are_estimates_of_any_arm(field: str) -> None:
    decision = LengthDecider().decide(ask())
    last = list(decision.estimates)[-1]
    spoilt = replace(decision.estimates[last], **{field: math.nan})  # type: ignore[arg-type]
    with pytest.raises(NotFiniteError):
        require_finite(replace(decision, estimates={**decision.estimates, last: spoilt}))
