"""Components of a worker, as the settings ask for them: what is connected to what, in one process without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from serving.auth.api_keys import make_key
from serving.auth.authorizer import Caller
from serving.auth.key_file import write_keys
from serving.bootstrap import build_worker
from serving.components import SharedState, WorkerComponents
from serving.decision.errors import BadPolicy
from serving.decision.types import Message, Request
from serving.http_api.app import build_api
from serving.journal.factory import WorkerSlot
from serving.journal.rows import OutcomeRow
from serving.journal.store import Store
from serving.service.outcome_service import NoJournal
from serving.settings import Settings
from serving.telemetry.shared_board import SharedBoard
from tests.support.fakes import Client
from tests.support.servers import ARMS

REQUEST = Request((Message("user", "What is 17 * 23?"),), tenant="acme")


@contextmanager
def worker(
    shared: SharedState | None = None, slot: WorkerSlot | None = None, **chosen: Any
) -> Iterator[WorkerComponents]:
    values = {"cold_start": True, "arms": ARMS, "journal": "none", "decision_deadline_ms": 0.0, **chosen}
    settings = Settings(**values)
    components = build_worker(settings, shared or SharedState(), *([] if slot is None else [slot]))
    try:
        yield components
    finally:
        components.close()


def client_of(components: WorkerComponents) -> Client:
    service, limits = components.decision_service, components.limits
    return Client(build_api(service, limits, lambda: True, "0", components.routes))


def test_limits_come_from_the_settings() -> None:
    with worker(max_body_bytes=2000, body_seconds=3.0, max_messages=4, max_batch=5) as components:
        limits = components.limits
    assert (limits.body.max_bytes, limits.body.seconds, limits.max_messages, limits.max_batch) == (2000, 3.0, 4, 5)


def test_without_a_journal_decisions_are_made_and_outcomes_refused() -> None:
    with worker() as components:
        decision = components.decision_service.decide(REQUEST)
        assert components.journal is None
        with pytest.raises(NoJournal):
            asyncio.run(components.outcome_service.report([OutcomeRow(decision.decision_id, 1.0)]))
        assert client_of(components).get(f"/v1/decisions/{decision.decision_id}").status == 404


def test_decisions_and_outcomes_end_in_the_journal(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    with worker(journal=url, spool=tmp_path / "spool", store_prompts="full") as components:
        decision = components.decision_service.decide(REQUEST)
        outcome = OutcomeRow(decision.decision_id, 1.0, success=1.0)
        assert asyncio.run(components.outcome_service.report([outcome])) == 1
    store = Store(url)
    entry = store.entry(decision.decision_id)
    store.close()
    assert entry is not None
    assert (entry.decision.arm, entry.decision.tenant) == (decision.arm, "acme")
    assert "17 * 23" in str(entry.decision.messages)
    assert entry.outcome is not None
    assert entry.outcome.success == 1.0


def test_decisions_are_counted_in_the_metrics_of_all_workers() -> None:
    shared = SharedState(board=SharedBoard(2))
    with worker(shared, WorkerSlot(0, 2)) as first, worker(shared, WorkerSlot(1, 2)) as second:
        for components in (first, second):
            components.decision_service.decide(REQUEST)
            components.each_second()
        shown = client_of(first).get("/metrics").body.decode()
    counted = [line for line in shown.splitlines() if line.startswith("thinkgate_decisions_total{")]
    assert sum(float(line.split()[-1]) for line in counted) == 2.0


def test_keys_are_read_again_each_second(tmp_path: Path) -> None:
    path, made = tmp_path / "keys.toml", make_key("gateway", ["decide"])
    write_keys(path, [make_key("other", ["admin"]).key])
    with worker(keys=path) as components:
        assert not isinstance(components.authorizer.authorize(made.token, "decide"), Caller)
        write_keys(path, [made.key])
        components.each_second()
        assert components.authorizer.authorize(made.token, "decide") == Caller(made.key.key_id)


def test_rules_of_the_policy_hold(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('name = "p"\n[[rule]]\nallow = ["reasoning"]\ntenant = ["acme"]\n')
    with worker(policy=policy) as components:
        assert components.decision_service.decide(REQUEST).arm == "reasoning"


def test_policy_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rule]]\ndeny = ["no-such-arm"]\n')
    with pytest.raises(BadPolicy, match="no-such-arm"), worker(policy=policy):
        pass


def test_routes_are_those_beside_the_decisions() -> None:
    with worker() as components:
        paths = {(route.method, route.path) for route in components.routes}
    assert paths == {
        ("POST", "/v1/outcomes"),
        ("DELETE", "/v1/journal"),
        ("GET", "/v1/decisions/{decision_id}"),
        ("POST", "/v1/model/rollback"),
        ("GET", "/metrics"),
    }
