"""The real Envoy on the example configuration, the real server behind it, and a fake of the LLM endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from serving.schemas.content_coding import CODINGS
from tests.support.codings import COMPRESS
from tests.support.envoy_gate import PROOF, TRIVIA, Gate, chat, serve_gate
from tests.support.fake_upstream import CHAT_USAGE
from tests.support.servers import stop_server


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with serve_gate(tmp_path_factory.mktemp("envoy")) as running:
        yield running


def test_openai_body_asks_for_what_was_decided(gate: Gate) -> None:
    answer = gate.post("/v1/chat/completions", chat(PROOF, seed=12345678901234567890123))
    got = gate.upstream.last
    assert answer.status_code == 200
    assert answer.json()["usage"] == CHAT_USAGE
    assert got.json() == chat(PROOF, seed=12345678901234567890123, reasoning_effort="high")
    assert int(got.headers["content-length"]) == len(got.body)
    assert got.headers["x-thinkgate-arm"] == "openai-reasoning"
    for name in ("decision-id", "arm", "effort", "bucket", "applied"):
        assert answer.headers[f"x-thinkgate-{name}"] == got.headers[f"x-thinkgate-{name}"]
    gate.post("/v1/chat/completions", chat(TRIVIA))
    assert gate.upstream.last.json()["reasoning_effort"] == "none"
    assert gate.upstream.last.headers["x-thinkgate-arm"] == "openai-direct"


def test_other_shapes_are_rewritten_in_their_own_words(gate: Gate) -> None:
    gate.post("/v1/responses", {"model": "gpt-5.1", "input": PROOF})
    assert gate.upstream.last.json()["reasoning"] == {"effort": "high"}
    turns = [{"role": "user", "content": PROOF}]
    body = {"model": "claude-sonnet-4-5", "max_tokens": 9000, "system": "Be exact.", "messages": turns}
    gate.post("/v1/messages", body, "anthropic")
    got = gate.upstream.last
    assert got.json()["thinking"]["type"] == "enabled"
    assert got.json()["max_tokens"] > got.json()["thinking"]["budget_tokens"]
    assert int(got.headers["content-length"]) == len(got.body)
    path = "/v1beta/models/gemini-2.5-flash:generateContent"
    gate.post(path, {"contents": [{"role": "user", "parts": [{"text": TRIVIA}]}]}, "gemini")
    got = gate.upstream.last
    assert got.path == path
    assert got.json()["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 0


def test_another_model_takes_another_route(gate: Gate) -> None:
    before = len(gate.upstream.calls)
    assert gate.post("/v1/chat/completions", chat(PROOF), "other").status_code == 200
    got = gate.reasoner.last
    assert len(gate.upstream.calls) == before
    assert (got.json()["model"], got.json()["reasoning_effort"]) == ("o3", "high")


UNTOUCHED = [
    b"",
    b"hello",
    b'{"model": "gpt-5.1", "messages": [',
    b'{"model": "gpt-5.1", "messages": "no list"}',
    b'{ "model": "gpt-5.1" , "messages": []}',
    b'{"model": "gpt-5.1", "messages": [{"role": "king", "content": "a"}]}',
    b"[1, 2]",
    b"\xff\xfe\x00",
    b'{"a":' * 5000,
    json.dumps(chat("x" * 3_000_000)).encode(),
    json.dumps(chat("x" * 9_000_000)).encode(),
]


@pytest.mark.parametrize("body", UNTOUCHED, ids=[str(place) for place in range(len(UNTOUCHED))])
def test_what_cannot_be_read_passes_as_it_came(gate: Gate, body: bytes) -> None:
    answer = gate.post("/v1/chat/completions", body)
    assert answer.status_code == 200
    assert gate.upstream.last.body == body
    assert gate.upstream.last.headers["content-length"] == str(len(body))
    assert "transfer-encoding" not in gate.upstream.last.headers
    assert not [name for name in (*gate.upstream.last.headers, *answer.headers) if name.startswith("x-thinkgate")]


def chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


def test_body_of_unknown_length_is_decided_on_where_it_fits(gate: Gate) -> None:
    headers = {"content-type": "application/json", "x-provider": "openai"}
    small, large = json.dumps(chat(PROOF)).encode(), json.dumps(chat("x" * 9_000_000)).encode()
    for body, effort in ((small, "high"), (large, None)):
        answer = httpx.post(gate.url + "/v1/chat/completions", content=chunks(body), headers=headers, timeout=30)
        assert answer.status_code == 200
        assert gate.upstream.last.json().get("reasoning_effort") == effort
        assert effort or gate.upstream.last.body == body


@pytest.mark.parametrize("coding", CODINGS)
def test_compressed_body_is_decided_on_and_sent_on_plain(gate: Gate, coding: str) -> None:
    body = COMPRESS[coding](json.dumps(chat(PROOF)).encode())
    assert gate.post("/v1/chat/completions", body, **{"content-encoding": coding}).status_code == 200
    got = gate.upstream.last
    assert got.json() == chat(PROOF, reasoning_effort="high")
    assert "content-encoding" not in got.headers
    assert got.headers["content-length"] == str(len(got.body))


@pytest.mark.parametrize("coding", CODINGS)
def test_compressed_body_that_is_not_changed_passes_as_it_came(gate: Gate, coding: str) -> None:
    plain = json.dumps(chat(PROOF, reasoning_effort="low")).encode()
    bomb = json.dumps(chat("x" * 50_000_000)).encode()
    whole = COMPRESS[coding](plain)
    for body in (whole, whole[:-1], COMPRESS[coding](bomb)):
        assert gate.post("/v1/chat/completions", body, **{"content-encoding": coding}).status_code == 200
        got = gate.upstream.last
        assert got.body == body
        assert got.headers["content-encoding"] == coding
        assert got.headers["content-length"] == str(len(body))


def test_other_calls_pass_as_they_came(gate: Gate) -> None:
    assert httpx.get(gate.url + "/v1/models").status_code == 200
    assert (gate.upstream.last.method, gate.upstream.last.path) == ("GET", "/v1/models")
    body = {"model": "text-embedding-3-small", "input": "Hi"}
    answer = gate.post("/v1/embeddings", body)
    assert gate.upstream.last.json() == body
    assert int(gate.upstream.last.headers["content-length"]) == len(gate.upstream.last.body)
    assert "transfer-encoding" not in gate.upstream.last.headers
    assert "x-thinkgate-arm" not in answer.headers


def test_forged_headers_do_not_get_through(gate: Gate) -> None:
    forged = {"x-thinkgate-arm": "mine", "x-thinkgate-model": "o3"}
    gate.post("/v1/chat/completions", b"hello", **forged)
    assert "x-thinkgate-arm" not in gate.upstream.last.headers
    before = len(gate.reasoner.calls)
    gate.post("/v1/chat/completions", chat(TRIVIA), **forged)
    assert len(gate.reasoner.calls) == before
    assert gate.upstream.last.headers["x-thinkgate-arm"] == "openai-direct"


def test_hints_count_and_stay_here(gate: Gate) -> None:
    gate.post("/v1/chat/completions", chat(PROOF), **{"x-thinkgate-max-cost-usd": "0.0000001"})
    assert "x-thinkgate-max-cost-usd" not in gate.upstream.last.headers
    assert gate.upstream.last.headers["x-thinkgate-arm"] == "openai-direct"


def test_policy_that_leaves_no_arm_is_obeyed(gate: Gate) -> None:
    before = len(gate.upstream.calls)
    answer = gate.post("/v1/chat/completions", chat(PROOF), "none")
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:thinkgate:problem:denied"
    assert len(gate.upstream.calls) == before


def test_streams_are_not_delayed(gate: Gate) -> None:
    """Each event must be with the client before the model writes the next one: the model waits for the client here."""
    body = chat(TRIVIA, stream=True)
    headers = {"content-type": "application/json", "x-provider": "openai"}
    events = []
    with httpx.stream(
        "POST", gate.url + "/v1/chat/completions", content=json.dumps(body).encode(), headers=headers, timeout=20
    ) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["x-thinkgate-arm"] == "openai-direct"
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                events.append(json.loads(line[6:]))
                gate.upstream.may_continue.release()
    assert "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"]) == "Paris."
    assert events[-1]["usage"] == CHAT_USAGE
    assert gate.outcome(answer)["output_tokens"] == 900


def test_usage_of_every_shape_is_reported(gate: Gate) -> None:
    turns = [{"role": "user", "content": TRIVIA}]
    body = {"model": "claude-sonnet-4-5", "max_tokens": 9000, "system": "Be exact.", "messages": turns}
    gemini = {"contents": [{"role": "user", "parts": [{"text": TRIVIA}]}]}
    calls = [
        ("/v1/chat/completions", chat(TRIVIA), "openai", (50, 900, 700, None), "gpt-5.1"),
        ("/v1/responses", {"model": "gpt-5.1", "input": TRIVIA}, "openai", (7, 8, 0, None), "gpt-5.1"),
        ("/v1/messages", body, "anthropic", (100, 5, 0, 90), "claude-sonnet-4-5"),
        ("/v1beta/models/gemini-2.5-flash:generateContent", gemini, "gemini", (40, 560, 500, None), "gemini-2.5-flash"),
    ]
    for path, sent, provider, (read, written, hidden, cached), model in calls:
        outcome = gate.outcome(gate.post(path, sent, provider))
        assert (outcome["input_tokens"], outcome["output_tokens"], outcome["reasoning_tokens"]) == (
            read,
            written,
            hidden,
        )
        assert outcome["cached_input_tokens"] == (cached or 0)
        assert outcome["model"] == model
        assert outcome["latency_ms"] > 0
        assert "success" not in outcome


def test_compressed_reply_is_read_and_passes_as_it_came(gate: Gate) -> None:
    gate.upstream.gzipped = True
    answer = gate.post("/v1/chat/completions", chat(TRIVIA), **{"accept-encoding": "br, gzip"})
    gate.upstream.gzipped = False
    assert gate.upstream.last.headers["accept-encoding"] == "gzip"
    assert answer.headers["content-encoding"] == "gzip"
    assert gate.outcome(answer)["output_tokens"] == 900


def test_timeout_of_the_endpoint_is_reported(gate: Gate) -> None:
    gate.upstream.status = 504
    answer = gate.post("/v1/chat/completions", chat(TRIVIA))
    gate.upstream.status = 200
    assert answer.status_code == 504
    assert gate.outcome(answer)["failure_mode"] == "timeout"


def test_requests_go_on_without_thinkgate(gate: Gate) -> None:
    """Comes last: it ends the server."""
    stop_server(gate.server)
    body = json.dumps(chat(PROOF)).encode()
    for _ in range(3):
        assert gate.post("/v1/chat/completions", body).status_code == 200
        assert gate.upstream.last.body == body
