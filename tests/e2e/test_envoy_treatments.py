"""Through the real Envoy: the journal says what the upstream got, and a call that did not reason is learnt as such."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from serving.journal.rows import JournalEntry
from serving.journal.store import Store
from serving.journal.treatment import treatment_of
from tests.support.envoy_gate import PROOF, Gate, chat, serve_gate
from tests.support.treatment_runs import ID, run_through_envoy
from tests.support.waiting import wait_for_outcome


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with serve_gate(tmp_path_factory.mktemp("treatments")) as running:
        yield running


def journalled(gate: Gate, decision_id: str) -> JournalEntry:
    wait_for_outcome(gate.journal, decision_id)
    store = Store(f"sqlite:///{gate.journal}")
    found = store.entry(decision_id)
    store.close()
    assert found is not None
    return found


@pytest.mark.parametrize("integration", ["ext_proc", "rewrite"])
def test_a_temperature_that_keeps_the_model_from_reasoning_is_journalled(gate: Gate, integration: str) -> None:
    """Case 04 of the gateway: `temperature` on gpt-5.1, where reasoning was decided."""
    body = chat(PROOF, temperature=0.2)
    if integration == "ext_proc":
        answer = gate.post("/v1/chat/completions", body)
        received: Any = gate.upstream.last.json()
    else:
        headers = {"x-provider": "openai"}
        answer = httpx.post(gate.server.url + "/v1/rewrite", json=body, headers=headers, timeout=30)
        received = answer.json()
        report = {"decision_id": answer.headers[ID], "success": 1.0}
        httpx.post(gate.server.url + "/v1/outcomes", json=report, timeout=30).raise_for_status()
    assert answer.headers["x-thinkgate-arm"] == "openai-reasoning"
    assert received.get("reasoning_effort") in (None, "none")
    entry = journalled(gate, answer.headers[ID])
    row = entry.decision
    assert (row.arm, row.effort) == ("openai-reasoning", "high")
    assert (row.applied_model, row.applied_effort, row.not_applied) == ("gpt-5.1", "none", "conflict:temperature")
    assert treatment_of(entry).arm == "openai-direct"
    series = f'thinkgate_not_applied_total{{integration="{integration}",reason="conflict:temperature"}}'
    end = time.monotonic() + 20.0
    while series not in httpx.get(gate.server.url + "/metrics", timeout=30).text:
        assert time.monotonic() < end, "the metric does not tell"
        time.sleep(0.5)


def test_the_journal_says_what_the_upstream_got(gate: Gate) -> None:
    found = run_through_envoy(gate, 200, seed=4)
    assert found.wrong == []
    assert found.calls > 190
    assert len(found.reasons) > 3
