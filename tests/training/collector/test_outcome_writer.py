"""Answers of a log graded and written as records: every call is written, failed or remaining."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.collection_jobs import job, records
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.call_log import FinishedCall, open_call_log
from training.collector.job import CollectionResult, Job, call_keys, judge_key
from training.collector.outcome_writer import write_outcomes
from training.progress import silent

CALL = FinishedCall(
    key="", asked="gpt-5.1@none", text="391", failure=None, model="gpt-5.1-2025", input_tokens=10,
    cached_input_tokens=0, output_tokens=50, reasoning_tokens=40, cost_usd=0.01, expected_usd=0.02,
    latency_ms=5.0, retries=1, timestamp=1.0,
)  # fmt: skip


def written(work: Job, changes: list[dict[str, Any] | None], judge: list[str] | None = None) -> CollectionResult:
    """Log a call for each planned one, with changes (None: not called), and the judge's replies about the first."""
    keys = list(call_keys(work))
    with open_call_log(work.log) as log:
        for place, change in zip(keys, changes, strict=True):
            if change is not None:
                log.append(replace(CALL, key=place.key, **change))
        for order, reply in enumerate(judge or []):
            log.append(replace(CALL, key=judge_key(keys[0].key, order), text=reply))
        return write_outcomes(work, log, silent)


def test_every_call_is_written_failed_or_remaining(tmp_path: Path) -> None:
    work = job(tmp_path, FakeEndpoint(), 2)
    result = written(work, [{}, {"text": "392"}, {"text": None, "failure": "status 500"}, None])
    assert (result.written, result.failed, result.remaining) == (2, {"status 500": 1}, 1)
    assert result.spent_usd == pytest.approx(0.03)
    assert [row["success"] for row in records(tmp_path)] == [1.0, 0.0]
    (row,) = (json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines())
    assert (row["kind"], row["line"]) == ("call failed", 3)
    assert "after 2 attempts" in row["reason"]


def test_a_timeout_is_a_failure_of_the_arm(tmp_path: Path) -> None:
    written(job(tmp_path, FakeEndpoint(), 1), [{"text": None, "failure": "timeout"}, None])
    (row,) = records(tmp_path)
    assert (row["success"], row["failure_mode"], row["verdict"]) == (0.0, "timeout", "timeout")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "Q"}, "no grader"),
        ({"prompt": "Q", "grader": "numeric"}, "grader numeric needs 'answer': add it to the prompt's row"),
        ({"prompt": "Q", "grader": "judge"}, "the judge did not answer"),
    ],
)
def test_a_call_that_cannot_be_graded_keeps_its_tokens(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    result = written(job(tmp_path, FakeEndpoint(), [row]), [{}, None])
    (found,) = result.ungraded
    assert found.startswith(reason)
    (record,) = records(tmp_path)
    assert (record["success"], record["output_tokens"], record["cost_usd"]) == (None, 50, 0.01)


@pytest.mark.parametrize(
    ("replies", "success"),
    [(['{"answer_1": 8}', '{"answer_1": 6}'], 0.7), (['{"answer_1": 10}', '{"answer_1": 1}'], None)],
)
def test_the_judges_two_replies_make_one_grade(tmp_path: Path, replies: list[str], success: float | None) -> None:
    written(job(tmp_path, FakeEndpoint(), [{"prompt": "Q", "grader": "judge"}]), [{}, None], replies)
    (record,) = records(tmp_path)
    assert record["success"] == (None if success is None else pytest.approx(success))


def test_records_are_rewritten_not_appended(tmp_path: Path) -> None:
    work = job(tmp_path, FakeEndpoint(), 1)
    written(work, [{}, {}])
    written(work, [{"text": "1"}, {}])
    assert [row["success"] for row in records(tmp_path)] == [0.0, 1.0]
