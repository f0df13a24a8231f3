"""The call log: durable, locked, and refused where it is something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.collection_jobs import ARMS, job
from tests.support.fake_llm_endpoint import FakeEndpoint
from training.collector.call_log import open_call_log
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
