"""The call log: durable, locked, and refused where it is something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.collection_jobs import ARMS, job
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.call_log import FinishedCall, open_call_log
from training.collector.run import collect
from training.errors import BadHistory, TrainingError


def test_a_torn_last_line_is_a_call_that_was_never_finished(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    work = job(tmp_path, endpoint)
    collect(work)
    whole = work.log.read_bytes().splitlines(keepends=True)
    for cut in (whole[-1][:20], whole[-1].rstrip(b"\n")):
        work.log.write_bytes(b"".join(whole[:-1]) + cut)
        assert collect(work).written == 6
    assert sum(endpoint.paid.values()) == 8
    assert work.log.stat().st_mode & 0o077 == 0


def test_a_log_of_something_else_or_of_other_arms_is_refused(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    work = job(tmp_path, endpoint)
    collect(work)
    with pytest.raises(Exception, match="start a new log"):
        collect(replace(work, arms=(ARMS[0], replace(ARMS[1], effort="low"))))
    work.log.write_text('{"no": "log"}\n')
    with pytest.raises(BadHistory, match="not the log of a collector"):
        collect(work)


def test_two_collectors_never_share_a_log(endpoint: FakeEndpoint, tmp_path: Path) -> None:
    work = job(tmp_path, endpoint)
    with open_call_log(work.log), pytest.raises(TrainingError, match="another collector"):
        collect(work)


def finished(key: str, **changes: Any) -> FinishedCall:
    call = FinishedCall(
        key=key, asked="gpt-5.1@none", text="391", failure=None, model="gpt-5.1", input_tokens=10,
        cached_input_tokens=0, output_tokens=50, reasoning_tokens=40, cost_usd=0.01, expected_usd=0.02,
        latency_ms=5.0, retries=0, timestamp=1.0,
    )  # fmt: skip
    return replace(call, **changes)


def test_calls_are_read_back_and_the_last_of_a_key_counts(tmp_path: Path) -> None:
    with open_call_log(tmp_path / "made" / "calls.jsonl") as log:
        for call in (finished("a", failure="status 500", text=None), finished("b", text="caf\u00e9\n"), finished("a")):
            log.append(call)
        before = dict(log.calls)
    with open_call_log(tmp_path / "made" / "calls.jsonl") as log:
        assert log.calls == before == {"a": finished("a"), "b": finished("b", text="caf\u00e9\n")}


def test_only_answers_and_timeouts_are_settled() -> None:
    settled = [finished("a", failure=failure).settled for failure in (None, "timeout", "status 500", "connection: X")]
    assert settled == [True, True, False, False]


@pytest.mark.parametrize(
    ("changes", "usd"),
    [
        ({}, 0.01),
        ({"cost_usd": None}, 0.02),
        ({"cost_usd": None, "failure": "timeout"}, 0.02),
        ({"cost_usd": None, "failure": "status 400"}, 0.0),
        ({"cost_usd": 0.0}, 0.0),
    ],
)
def test_unknown_tokens_are_billed_as_expected_and_refused_calls_are_free(changes: dict[str, Any], usd: float) -> None:
    assert finished("a", **changes).billed_usd == usd


def test_a_log_that_cannot_be_opened_names_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    log = open_call_log(tmp_path / "file" / "calls.jsonl")
    with pytest.raises(BadHistory, match="can be written"):
        log.__enter__()
