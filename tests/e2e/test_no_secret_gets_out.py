"""A canary in every prompt, key, header and password, over every route: no log, metric or trace has it.

Answers may hold the prompt (they are the caller's own), and so may the journal. `tests/contracts` show that
an engine which quotes the prompt in its error gets it into no log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import pytest

from serving.auth.api_keys import NewKey, make_key
from serving.auth.key_file import write_keys
from serving.http_api.auth_middleware import PATH_SCOPES, required_scope
from serving.proto.thinkgate.v1 import decision_pb2 as pb
from tests.support.decision_clients import grpc_address
from tests.support.otlp_collector import Collector, collecting
from tests.support.servers import Running, start_server, stop_server

CANARY = "c4n4ryprompt"
PASSWORD = "c4n4rypassword"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
VERBS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")


@dataclass
class FullServer:
    """A server with everything turned on, and all that left it beside its answers."""

    running: Running
    collector: Collector
    keys: dict[str, NewKey]
    metrics: list[str] = field(default_factory=list)

    def secrets(self) -> list[str]:
        return [CANARY, PASSWORD, *(made.token for made in self.keys.values())] + [
            made.token.rpartition("_")[2] for made in self.keys.values()
        ]

    def header(self, scope: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.keys[scope].token}", "traceparent": TRACEPARENT, "x-note": CANARY}

    def scrape(self) -> None:
        for accept in ("text/plain", "application/openmetrics-text; version=1.0.0"):
            answer = httpx.get(self.running.url + "/metrics", headers=self.header("metrics") | {"accept": accept})
            assert answer.status_code == 200
            self.metrics.append(answer.text)


@pytest.fixture(params=["json", "text"])
def full_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FullServer]:
    scopes = ("decide", "report", "metrics", "admin")
    keys = {scope: make_key(scope, [scope]) for scope in scopes}  # type: ignore[list-item]
    keys["slow"] = make_key("slow", ["decide"], 0.001, 1)
    path = tmp_path / "keys.toml"
    write_keys(path, [made.key for made in keys.values()])
    # One journal works; the other's database is down, and its address holds a password.
    down = f"postgresql://thinkgate:{PASSWORD}@127.0.0.1:1/journal"
    journal = f"sqlite:///{tmp_path / 'journal.db'}" if request.param == "json" else down
    with collecting() as collector:
        running = start_server(
            *("--keys", str(path), "--grpc-port", "0", "--log-level", "debug", "--log-format", request.param),
            *("--otlp-endpoint", collector.url, "--trace-share", "1", "--max-body-bytes", "20000"),
            *("--journal", journal, "--spool", str(tmp_path / "spool")),
        )
        try:
            yield FullServer(running, collector, keys)
        finally:
            stop_server(running)


def test_no_secret_gets_out(full_server: FullServer) -> None:
    with httpx.Client(base_url=full_server.running.url, timeout=30) as http:
        paths = http.get("/openapi.json").json()["paths"]
        patterns = ("admin if locked", "decide")
        by_pattern = {path for path in paths if "{" in path and required_scope("POST", path) in patterns}
        assert set(paths) - by_pattern <= set(PATH_SCOPES), "a route has no required scope"
        statuses = _call_all(http, full_server, [*paths, *PATH_SCOPES, f"/{CANARY}"])
        decision = http.post("/v1/decisions", json={"prompt": CANARY}, headers=full_server.header("decide")).json()
        _report(http, full_server, decision["decision_id"])
    _call_grpc(full_server)
    full_server.scrape()
    _await_spans(full_server, 5)
    assert full_server.running.end() == 0
    log = full_server.running.log()
    assert {200, 400, 401, 403, 404, 405, 413, 415, 422, 429} <= statuses
    assert log
    assert "thinkgate_decisions_total" in full_server.metrics[0]
    outputs = {"log": log, "metrics": "".join(full_server.metrics), "traces": str(full_server.collector.bodies)}
    for secret in full_server.secrets():
        for name, text in outputs.items():
            assert secret not in text, f"{name} holds {secret}: {text[max(0, text.find(secret) - 200) :][:400]}"
    if log.startswith("{"):
        assert all(json.loads(line)["level"] for line in log.splitlines())


def _call_all(http: httpx.Client, full_server: FullServer, paths: list[str]) -> set[int]:
    """Try every route with every verb, body and key; nothing answers 5xx except a journal without a database."""
    good = {"prompt": CANARY, "tenant": CANARY, "session_id": CANARY, "model": CANARY, "task": CANARY}
    chat = {"model": CANARY, "messages": [{"role": "user", "content": CANARY}]}
    bodies = [
        json.dumps(good).encode(),
        json.dumps(chat).encode(),
        json.dumps({"requests": [good, {CANARY: 1}]}).encode(),
        json.dumps({"decision_id": CANARY, "success": CANARY}).encode(),
        b'{"prompt": "' + CANARY.encode(),
        json.dumps({"prompt": CANARY, CANARY: CANARY}).encode(),
        json.dumps({"messages": [{"role": CANARY, "content": CANARY}]}).encode(),
        b'{"prompt": "' + CANARY.encode() * 5000 + b'"}',
        b"\xff" + CANARY.encode(),
    ]
    wrong = {"x-api-key": f"tg_{CANARY}_{CANARY}", "x-note": CANARY}
    statuses = set()
    for path in dict.fromkeys(paths):
        for verb in VERBS:
            for headers in (
                {},
                wrong,
                full_server.header("decide"),
                full_server.header("report"),
                full_server.header("admin"),
            ):
                kind = {"content-type": "application/json"} | headers
                sent = bodies if verb == "POST" and headers.get("authorization") else bodies[:1]
                for body in sent:
                    answer = http.request(verb, path, content=body, headers=kind, params={"tenant": CANARY})
                    asks_journal = path == "/v1/journal" or (verb == "GET" and path.startswith("/v1/decisions/"))
                    assert answer.status_code < 500 or (answer.status_code == 503 and asks_journal), answer.text
                    statuses.add(answer.status_code)
    for _ in range(3):
        statuses.add(http.post("/v1/decisions", json=good, headers=full_server.header("slow")).status_code)
    plain = full_server.header("decide") | {"content-type": CANARY}
    statuses.add(http.post("/v1/decisions", content=bodies[0], headers=plain).status_code)
    return statuses


def _report(http: httpx.Client, full_server: FullServer, decision_id: str) -> None:
    outcome = {
        "decision_id": decision_id,
        "success": 0.0,
        "output_tokens": 12,
        "failure_mode": "timeout",
        "arm": CANARY,
    }
    assert http.post("/v1/outcomes", json=outcome, headers=full_server.header("report")).status_code == 200
    strange = {"decision_id": decision_id, "success": 0.0, "failure_mode": CANARY, "model": CANARY}
    assert http.post("/v1/outcomes", json=strange, headers=full_server.header("report")).status_code in (200, 422)


def _call_grpc(full_server: FullServer) -> None:
    service = "/thinkgate.v1.DecisionService"
    message = pb.DecideRequest(prompt=CANARY, tenant=CANARY, headers={"x-note": CANARY, "traceparent": TRACEPARENT})
    batch = pb.DecideBatchRequest(requests=[message, pb.DecideRequest()])
    with grpc.insecure_channel(grpc_address(full_server.running)) as channel:
        for metadata in (
            (),
            (("x-api-key", f"tg_{CANARY}_{CANARY}"),),
            (("x-api-key", full_server.keys["decide"].token), ("x-note", CANARY)),
        ):
            for method, body in (
                ("Decide", message.SerializeToString()),
                ("Decide", CANARY.encode()),
                ("DecideBatch", batch.SerializeToString()),
                (CANARY, b""),
            ):
                with suppress(grpc.RpcError):
                    channel.unary_unary(f"{service}/{method}")(body, metadata=metadata, timeout=10)


def _await_spans(full_server: FullServer, count: int) -> None:
    end = time.monotonic() + 20
    while len(full_server.collector.spans) < count:
        assert time.monotonic() < end, "no spans came"
        time.sleep(0.1)
