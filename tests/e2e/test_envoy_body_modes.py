"""The real Envoy in every mode of sending bodies: nothing fails, nothing is lost, and what can be decided on is."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from serving.schemas.content_coding import CODINGS
from tests.support.codings import COMPRESS
from tests.support.envoy_gate import PROOF, TRIVIA, Gate, chat, serve_gate
from tests.support.envoy_proxy import CONFIG, full_duplex, with_modes, with_second_processor
from tests.support.fake_upstream import CHAT_USAGE
from tests.support.servers import stop_server
from tests.support.waiting import wait_until

EXAMPLE = CONFIG.read_text()
SEND = {"request_trailer_mode": "SEND", "response_trailer_mode": "SEND"}
CONFIGS = {
    "example": EXAMPLE,
    "duplex": full_duplex(EXAMPLE),
    "duplex_request": with_modes(
        EXAMPLE, override=True, request_body_mode="FULL_DUPLEX_STREAMED", response_body_mode="STREAMED", **SEND
    ),
    "duplex_reply": with_modes(
        EXAMPLE, override=True, request_body_mode="BUFFERED", response_body_mode="FULL_DUPLEX_STREAMED", **SEND
    ),
    "chain": with_second_processor(EXAMPLE),
    "streamed": with_modes(EXAMPLE, request_body_mode="STREAMED", response_body_mode="STREAMED"),
    "buffered": with_modes(EXAMPLE, request_body_mode="BUFFERED", response_body_mode="STREAMED"),
    "partial": with_modes(EXAMPLE, request_body_mode="BUFFERED_PARTIAL", response_body_mode="STREAMED"),
}
DECIDES = [name for name in CONFIGS if name != "streamed"]
DUPLEX = ["duplex", "duplex_request", "chain"]
BUFFERED = ["duplex_reply", "buffered"]
BIG = 5_000_000
"""Above the server's limit on bodies and Envoy's buffer."""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with serve_gate(tmp_path_factory.mktemp("modes"), CONFIGS) as running:
        yield running


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    configs = {name: CONFIGS[name] for name in DECIDES}
    with serve_gate(tmp_path_factory.mktemp("asking"), configs, "--ask-usage") as running:
        yield running


def post_chunked(gate: Gate, envoy: str, path: str, body: bytes, pause_s: float = 0.0) -> httpx.Response:
    def pieces() -> Iterator[bytes]:
        size = max(len(body) // 7, 1)
        for start in range(0, len(body), size):
            yield body[start : start + size]
            time.sleep(pause_s)

    headers = {"content-type": "application/json", "x-provider": "openai"}
    return httpx.post(gate.urls[envoy] + path, content=pieces(), headers=headers, timeout=30)


@pytest.mark.parametrize("envoy", DECIDES)
def test_chat_is_decided_on_and_its_usage_reported(gate: Gate, envoy: str) -> None:
    answer = gate.post("/v1/chat/completions", chat(PROOF), envoy=envoy)
    assert answer.status_code == 200
    assert answer.json()["usage"] == CHAT_USAGE
    got = gate.upstream.last
    assert got.json() == chat(PROOF, reasoning_effort="high")
    assert got.headers["x-thinkgate-arm"] == "openai-reasoning"
    if envoy != "chain":  # there, thinkgate itself stands in for the picker: each makes a decision of its own
        assert answer.headers["x-thinkgate-decision-id"] == got.headers["x-thinkgate-decision-id"]
    assert gate.outcome(answer)["output_tokens"] == 900


def test_streamed_requests_reach_the_model(gate: Gate) -> None:
    """Their headers have gone on before the body is seen; a body that comes in one piece is still rewritten."""
    answer = gate.post("/v1/chat/completions", chat(PROOF), envoy="streamed")
    assert answer.status_code == 200
    assert gate.upstream.last.json()["messages"] == chat(PROOF)["messages"]


@pytest.mark.parametrize("envoy", DUPLEX)
def test_another_model_takes_another_route(gate: Gate, envoy: str) -> None:
    before = len(gate.upstream.calls)
    assert gate.post("/v1/chat/completions", chat(PROOF), "other", envoy=envoy).status_code == 200
    got = gate.reasoner.last
    assert len(gate.upstream.calls) == before
    assert (got.json()["model"], got.json()["reasoning_effort"]) == ("o3", "high")


@pytest.mark.parametrize("envoy", CONFIGS)
def test_chat_that_is_left_alone_passes_as_it_came(gate: Gate, envoy: str) -> None:
    body = json.dumps(chat(PROOF, reasoning_effort="low"), indent=2).encode()
    assert gate.post("/v1/chat/completions", body, envoy=envoy).status_code == 200
    assert gate.upstream.last.body == body


@pytest.mark.parametrize("envoy", CONFIGS)
def test_what_is_no_model_call_passes_as_it_came(gate: Gate, envoy: str) -> None:
    body = json.dumps({"model": "text-embedding-3-small", "input": ["a"] * 50_000}).encode()
    for sent in (body, b"hello", b""):
        answer = gate.post("/v1/embeddings", sent, envoy=envoy)
        assert answer.status_code == 200
        assert answer.json() == {"ok": True}
        assert "x-thinkgate-arm" not in answer.headers
        assert gate.upstream.last.body == sent
    assert httpx.get(gate.urls[envoy] + "/v1/models", timeout=30).status_code == 200


@pytest.mark.parametrize("envoy", CONFIGS)
@pytest.mark.parametrize("raw", [b"", b"hello", b"[1, 2]", b'{"model": "gpt-5.1", "messages": ['])
def test_what_cannot_be_read_passes_as_it_came(gate: Gate, envoy: str, raw: bytes) -> None:
    assert gate.post("/v1/chat/completions", raw, envoy=envoy).status_code == 200
    assert gate.upstream.last.body == raw


@pytest.mark.parametrize("envoy", CONFIGS)
def test_chunked_bodies_arrive_whole(gate: Gate, envoy: str) -> None:
    sent = chat(PROOF + " x" * 100_000)
    answer = post_chunked(gate, envoy, "/v1/chat/completions", json.dumps(sent).encode())
    assert answer.status_code == 200
    got = gate.upstream.last.json()
    assert got["messages"] == sent["messages"]
    if envoy in DUPLEX:
        assert gate.upstream.last.headers["x-thinkgate-arm"] in ("openai-direct", "openai-reasoning")
        assert "reasoning_effort" in got
    body = json.dumps({"input": "a" * 300_000}).encode()
    assert post_chunked(gate, envoy, "/v1/embeddings", body).status_code == 200
    assert gate.upstream.last.body == body


@pytest.mark.parametrize("envoy", CONFIGS)
@pytest.mark.parametrize("coding", CODINGS)
def test_compressed_bodies_arrive_in_the_coding_that_is_named(gate: Gate, envoy: str, coding: str) -> None:
    body = COMPRESS[coding](json.dumps(chat(PROOF)).encode())
    headers = {"content-encoding": coding}
    assert gate.post("/v1/chat/completions", body, envoy=envoy, **headers).status_code == 200
    got = gate.upstream.last
    if envoy in DECIDES:
        assert got.json() == chat(PROOF, reasoning_effort="high")
        assert "content-encoding" not in got.headers
    else:
        assert (got.body, got.headers["content-encoding"]) == (body, coding)


@pytest.mark.parametrize("envoy", DUPLEX)
def test_slow_upload_is_waited_for(gate: Gate, envoy: str) -> None:
    """It takes longer than the filter waits for an answer of ours: that time is the client's."""
    answer = post_chunked(gate, envoy, "/v1/chat/completions", json.dumps(chat(PROOF)).encode(), pause_s=0.1)
    assert answer.status_code == 200
    assert gate.upstream.last.json()["reasoning_effort"] == "high"


@pytest.mark.parametrize("envoy", [name for name in CONFIGS if name not in BUFFERED])
def test_body_over_the_limit_passes_unread(gate: Gate, envoy: str) -> None:
    body = json.dumps(chat("x" * BIG)).encode()
    digest = hashlib.sha256(body).hexdigest()
    assert gate.post("/v1/chat/completions", body, envoy=envoy).status_code == 200
    assert hashlib.sha256(gate.upstream.last.body).hexdigest() == digest
    assert post_chunked(gate, envoy, "/v1/chat/completions", body).status_code == 200
    assert hashlib.sha256(gate.upstream.last.body).hexdigest() == digest
    assert "x-thinkgate-arm" not in gate.upstream.last.headers


def test_chunked_bodies_over_the_buffer_do_not_hang(gate: Gate) -> None:
    """With an answer to the part, some of these calls hung in Envoy."""
    body = json.dumps(chat("x" * BIG)).encode()
    for envoy in ("partial", "example"):
        for _ in range(10):
            assert post_chunked(gate, envoy, "/v1/chat/completions", body).status_code == 200
            assert len(gate.upstream.last.body) == len(body)


@pytest.mark.parametrize("envoy", CONFIGS)
def test_streamed_replies_are_not_delayed(gate: Gate, envoy: str) -> None:
    """The model waits for the client before each further event."""
    headers = {"content-type": "application/json", "x-provider": "openai"}
    content = json.dumps(chat(TRIVIA, stream=True)).encode()
    events: list[Any] = []
    url = gate.urls[envoy] + "/v1/chat/completions"
    with httpx.stream("POST", url, content=content, headers=headers, timeout=20) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                events.append(json.loads(line[6:]))
                gate.upstream.may_continue.release()
    assert "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"]) == "Paris."
    assert events[-1]["usage"] == CHAT_USAGE
    if envoy in DECIDES:
        assert gate.outcome(answer)["output_tokens"] == 900


@pytest.mark.parametrize("envoy", DECIDES)
def test_usage_is_asked_for_and_kept_from_a_client_that_did_not(asking: Gate, envoy: str) -> None:
    url = asking.urls[envoy] + "/v1/chat/completions"
    headers = {"content-type": "application/json", "x-provider": "openai", "accept-encoding": "gzip"}
    for options, shown in (({}, False), ({"stream_options": {"include_usage": True}}, True)):
        events: list[Any] = []
        content = json.dumps(chat(TRIVIA, stream=True, **options)).encode()
        with httpx.stream("POST", url, content=content, headers=headers, timeout=20) as answer:
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    events.append(json.loads(line[6:]))
                if line.startswith("data: {") or not line:
                    asking.upstream.may_continue.release()
        assert asking.upstream.last.json()["stream_options"] == {"include_usage": True}
        assert (
            "".join(choice["delta"].get("content", "") for event in events for choice in event["choices"]) == "Paris."
        )
        assert any(event.get("usage") for event in events) == shown
        assert asking.outcome(answer)["output_tokens"] == 900
    assert asking.post("/v1/chat/completions", chat(TRIVIA), envoy=envoy).json()["usage"] == CHAT_USAGE
    assert "stream_options" not in asking.upstream.last.json()
    with httpx.stream(
        "POST",
        url,
        content=json.dumps(chat(TRIVIA, stream=True, stream_options={"include_usage": False})).encode(),
        headers=headers,
        timeout=20,
    ) as answer:
        asking.upstream.may_continue.release(9)
        answer.read()
    assert asking.upstream.last.json()["stream_options"] == {"include_usage": False}


@pytest.mark.parametrize("envoy", DECIDES)
def test_policy_that_leaves_no_arm_is_obeyed(gate: Gate, envoy: str) -> None:
    assert gate.post("/v1/chat/completions", chat(PROOF), "none", envoy=envoy).status_code == 403


@pytest.mark.parametrize("envoy", CONFIGS)
def test_trailers_arrive(gate: Gate, envoy: str) -> None:
    body = json.dumps(chat(PROOF)).encode()
    host, port = gate.urls[envoy].removeprefix("http://").split(":")
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
        "x-provider: openai\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\nconnection: close\r\n\r\n"
    ).encode()
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(head + b"%x\r\n%s\r\n0\r\nx-sum: 1\r\n\r\n" % (len(body), body))
        reply = b""
        while piece := connection.recv(65536):
            reply += piece
    assert reply.startswith(b"HTTP/1.1 200")
    assert gate.upstream.last.json()["messages"] == chat(PROOF)["messages"]


@pytest.mark.parametrize("envoy", DUPLEX)
def test_one_call_is_one_decision(gate: Gate, envoy: str) -> None:
    """Some releases of Envoy send the last piece of a large body twice."""
    before = len(gate.upstream.calls)
    for _ in range(5):
        body = json.dumps(chat(TRIVIA, user="u" * 1_500_000)).encode()
        assert post_chunked(gate, envoy, "/v1/chat/completions", body).status_code == 200
        got = gate.upstream.last.json()
        assert len(got.pop("user")) == 1_500_000
        assert got == chat(TRIVIA, reasoning_effort="none")
    assert len(gate.upstream.calls) == before + 5


def test_requests_go_on_without_thinkgate(gate: Gate) -> None:
    """Comes last: it ends the server.

    Envoy keeps no copy of a body that it streams both ways: it fails open only once its health checks have failed.
    """
    stop_server(gate.server)
    body = json.dumps(chat(PROOF)).encode()
    for envoy, admin in gate.admins.items():
        wait_until(lambda: "/failed_active_hc" in httpx.get(f"{admin}/clusters").text)  # noqa: B023
        for _ in range(3):
            assert gate.post("/v1/chat/completions", body, envoy=envoy).status_code == 200
            assert gate.upstream.last.body == body
