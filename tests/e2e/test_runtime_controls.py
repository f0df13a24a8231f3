"""Sessions, guards, budgets and exploration over HTTP, and every decision of it made again from its journal row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.decision.policy.arms import load_arms
from serving.decision.policy.policy_file import load_policy
from serving.decision.pricing.price_book import price_book
from serving.decision.selection.decide import replay_decision
from serving.decision.selection.decision_record import DecisionRecord
from serving.journal import Store
from tests.support.servers import ARMS, Launch, Running
from tests.support.waiting import wait_until

PROOF = "Prove that the square root of 2 is irrational."
TERMS = """
value_of_success_usd = 2.0
client_effort = "honour"
max_effort = "high"
[exploration]
use = 0.2
maybe = 0.4
[guards]
min_calls = 10
hold_seconds = 6
probes = 3
probe_share = 1.0
[[rule]]
deny = ["reasoning"]
header = { x-priority = "batch" }
[tenant.acme.budget]
month_usd = 0.05
hard_stop = true
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "policy.toml"
    path.write_text(TERMS)
    return path, f"sqlite:///{tmp_path / 'journal.db'}"


def _start(launch: Launch, files: tuple[Path, str], *more: str) -> Running:
    return launch("--policy", str(files[0]), "--journal", files[1], *more)


def _decide(running: Running, text: str = PROOF, headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Ask over a connection of its own, so that any worker may answer."""
    body = more if "messages" in more else {"prompt": text, **more}
    answer = httpx.post(running.url + "/v1/decisions", json=body, headers=headers or {}, timeout=30)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def _report(running: Running, *reports: dict[str, Any]) -> None:
    answer = httpx.post(running.url + "/v1/outcomes", json=list(reports), timeout=30)
    assert answer.status_code == 200, answer.text


def _metric(running: Running, name: str, **labels: str) -> float | None:
    for family in text_string_to_metric_families(httpx.get(running.url + "/metrics").text):
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return float(sample.value)
    return None


def _again(files: tuple[Path, str]) -> list[DecisionRecord]:
    """Make every journalled decision again, and hold it against its row."""
    arms, policy = load_arms(ARMS), load_policy(files[0])
    store, records = Store(files[1]), []
    for entry in store.entries():
        row = entry.decision
        assert row.replay is not None
        record = DecisionRecord.from_json(row.replay)
        made = replay_decision(record, arms, policy, price_book(arms))
        estimate = made.estimates[made.arm]
        recorded = (row.arm, row.effort, row.bucket, row.propensity, row.reason, row.fallback)
        assert recorded == (made.arm, made.effort, made.bucket, made.propensity, made.reason, made.fallback)
        assert (row.expected_cost_usd, row.expected_success) == (estimate.cost_usd, estimate.success)
        assert made.caps.max_total_ms >= 1
        records.append(record)
    store.close()
    return records


def test_conversations_guards_and_budgets_over_http(launch: Launch, files: tuple[Path, str]) -> None:
    running = _start(launch, files)
    _conversations(running)
    _guards(running)
    _budget(running)
    for _ in range(20):
        _decide(running, "Compare two designs of a cache and say which one you would take.")
    assert running.end() == 0
    records = _again(files)
    store = Store(files[1])
    drawn = sum(entry.decision.propensity < 1.0 for entry in store.entries())
    store.close()
    seen = [record.runtime_state for record in records]
    assert any(one.session for one in seen)
    assert any(one.health.get("reasoning") and one.health["reasoning"].shed for one in seen)
    assert any(one.cost_multiplier > 0.0 for one in seen)
    assert any(one.headers for one in seen)
    assert drawn > 3
    # What was spent is known to the next process on the same journal.
    after = _start(launch, files)
    wait_until(
        lambda: _metric(after, "thinkgate_budget_spent_usd", purse="acme", window="month") is not None,
        pause_seconds=0.1,
    )
    assert "the budget is spent" in _decide(after, tenant="acme", value_of_success_usd=50.0)["reason"]
    assert _decide(after, tenant="other", value_of_success_usd=50.0)["arm"] == "reasoning"


def _conversations(running: Running) -> None:
    user = {"role": "user", "content": "Which of these rows are duplicates? Use the tool."}
    first = _decide(running, messages=[user], session_id="s1", client_effort="medium")
    assert (first["arm"], first["effort"]) == ("reasoning", "medium")
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]}
    loop = [user, call, {"role": "tool", "content": "rows 3 and 9"}]
    for wish in ({}, {"client_effort": "none"}):
        turn = _decide(running, messages=loop, session_id="s1", **wish)
        assert (turn["arm"], turn["effort"]) == ("reasoning", "medium")
        assert "kept while a tool loop is open" in turn["reason"]
    capped = _decide(running, client_effort="max")
    assert (capped["arm"], capped["effort"]) == ("reasoning", "high")
    assert _decide(running, client_effort="none")["arm"] == "direct"
    assert _decide(running, "Translate: good morning", headers={"x-priority": "batch"})["arm"] == "direct"
    proof = [{"role": "user", "content": PROOF}, {"role": "assistant", "content": "Shall I write it out in full?"}]
    yes = {"role": "user", "content": "yes, do it"}
    judged = _decide(running, messages=[*proof, yes])
    assert judged["bucket"] == "use"
    assert "a short follow-up, judged by its conversation" in judged["reason"]
    assert _decide(running, "yes, do it")["bucket"] != "use"


def _guards(running: Running) -> None:
    served = [_decide(running, client_effort="high") for _ in range(12)]
    _report(running, *({"decision_id": one["decision_id"], "failure_mode": "timeout"} for one in served))
    wait_until(lambda: "reasoning is shed" in _decide(running, value_of_success_usd=50.0)["reason"], pause_seconds=0.1)
    assert _decide(running, client_effort="high")["arm"] == "direct"
    wait_until(lambda: _metric(running, "thinkgate_arm_shed", arm="reasoning") == 0.5, pause_seconds=0.1)
    probes = [_decide(running, client_effort="high") for _ in range(4)]
    assert {one["arm"] for one in probes} == {"reasoning"}
    good = {"success": 1.0, "latency_ms": 9000.0, "output_tokens": 2400, "input_tokens": 40}
    _report(running, *({"decision_id": one["decision_id"], **good} for one in probes))
    wait_until(lambda: _metric(running, "thinkgate_arm_shed", arm="reasoning") == 0.0, pause_seconds=0.1)


def _budget(running: Running) -> None:
    def spend() -> bool:
        return "the budget is spent" in _decide(running, tenant="acme", value_of_success_usd=50.0)["reason"]

    wait_until(spend, pause_seconds=0.1)
    assert (_metric(running, "thinkgate_budget_spent_usd", purse="acme", window="month") or 0.0) >= 0.05
    assert (_metric(running, "thinkgate_cost_multiplier", purse="acme") or 0.0) > 0.0
    assert _decide(running, tenant="acme", client_effort="high")["arm"] == "direct"


def test_a_session_is_known_to_every_worker(launch: Launch, files: tuple[Path, str]) -> None:
    running = _start(launch, files, "--workers", "2")
    user = {"role": "user", "content": "Look it up."}
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]}
    loop = [user, call, {"role": "tool", "content": "42"}]
    for number in range(6):
        first = _decide(running, messages=[user], session_id=f"s{number}", client_effort="high")
        turns = [_decide(running, messages=loop, session_id=f"s{number}") for _ in range(4)]
        assert {turn["arm"] for turn in turns} == {first["arm"]} == {"reasoning"}
    assert running.end() == 0
    assert len(_again(files)) == 30
