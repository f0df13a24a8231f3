"""Outcome codec: one report or a list, all of it or nothing, with the fault's place."""

from __future__ import annotations

import pytest

from serving.journal.rows import OutcomeRow
from serving.schemas.outcome_codec import read_outcomes
from serving.schemas.problems import INVALID, Rejected
from serving.telemetry.decision_metrics import FAILURE_MODES

FULL = {
    "decision_id": "a",
    "success": 1,
    "input_tokens": 10,
    "cached_input_tokens": 2,
    "output_tokens": 300,
    "reasoning_tokens": 200,
    "cost_usd": 0.01,
    "gpu_seconds": 0.5,
    "latency_ms": 4000,
    "retries": 1,
    "failure_mode": "timeout",
    "arm": "high",
    "model": "m",
    "timestamp": 9.5,
}


def read(raw: object, max_items: int = 3) -> tuple[OutcomeRow, ...]:
    return read_outcomes(raw, max_items, lambda: 50.0)


def test_a_full_report_becomes_a_row() -> None:
    (row,) = read(FULL)
    assert row == OutcomeRow("a", 9.5, 1.0, 10, 2, 300, 200, 0.01, 0.5, 4000.0, 1, "timeout", "high", "m")


def test_one_report_or_a_list_and_the_time_is_now_where_none_is_given() -> None:
    assert read({"decision_id": "a"}) == (OutcomeRow("a", 50.0),)
    assert read([{"decision_id": "a", "timestamp": 0}, {"decision_id": "b"}]) == (
        OutcomeRow("a", 0.0),
        OutcomeRow("b", 50.0),
    )


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        ({}, "#/decision_id"),
        ([], "#"),
        ([{"decision_id": "a"}] * 4, "#"),
        (7, "#"),
        (None, "#"),
        ({"decision_id": ""}, "#/decision_id"),
        ({"decision_id": "a" * 65}, "#/decision_id"),
        ({**FULL, "success": 1.5}, "#/success"),
        ({**FULL, "success": "1"}, "#/success"),
        ({**FULL, "success": float("nan")}, "#/success"),
        ({**FULL, "output_tokens": -1}, "#/output_tokens"),
        ({**FULL, "output_tokens": 2**60}, "#/output_tokens"),
        ({**FULL, "latency_ms": float("inf")}, "#/latency_ms"),
        ({**FULL, "failure_mode": "bad luck"}, "#/failure_mode"),
        ({**FULL, "sucess": 1}, "#/sucess"),
        ([{"decision_id": "a"}, {"decision_id": "b", "retries": 0.5}], "#/1/retries"),
        ([{"decision_id": "a"}, "b"], "#/1"),
    ],
)
def test_a_bad_report_names_the_place(raw: object, pointer: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(raw)
    problem = caught.value.problem
    assert (problem.kind, problem.faults[0].pointer) == (INVALID, pointer)


def test_the_length_of_a_report_is_bounded_and_said() -> None:
    with pytest.raises(Rejected, match="send 1 to 3 in one report"):
        read([{"decision_id": "a"}] * 4)


@pytest.mark.parametrize("mode", sorted(FAILURE_MODES))
def test_every_failure_mode_that_is_counted_can_be_reported(mode: str) -> None:
    (row,) = read({"decision_id": "a", "failure_mode": mode})
    assert row.failure_mode == mode
