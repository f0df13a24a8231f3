"""`thinkgate gateway` from outside: real SDKs, Envoy and server, and a provider behind TLS that records calls."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import psutil
import pytest
import websockets

from tests.support.certificates import Authority
from tests.support.fake_upstream import CHAT_USAGE
from tests.support.gateway_command import RunningGateway, run_gateway_command, start_gateway
from tests.support.sdk_upstream import MESSAGE_EVENTS, SdkUpstream, serve_sdk_upstream
from tests.support.waiting import wait_for_outcome, wait_until

KEY = "sk-live-0d1f7a6cSECRETa1b2c3"
TRIVIA = "What is the capital of France?"
PROOF = "Prove that the square root of 2 is irrational, step by step."
ARMS = ("gpt-5.1@none", "gpt-5.1@high", "claude=claude-haiku-4-5@none", "claude=claude-haiku-4-5@high")


@dataclass
class Stack:
    """Gateway and provider."""

    gateway: RunningGateway
    upstream: SdkUpstream
    clients: ExitStack

    def openai(self, path: str = "/v1", **options: Any) -> openai.OpenAI:
        return self.clients.enter_context(
            openai.OpenAI(base_url=self.gateway.url + path, api_key=KEY, max_retries=0, timeout=20, **options)
        )

    def anthropic(self) -> anthropic.Anthropic:
        return self.clients.enter_context(
            anthropic.Anthropic(base_url=self.gateway.url + "/claude", api_key=KEY, max_retries=0, timeout=20)
        )

    def decision(self, decision_id: str) -> dict[str, Any]:
        def look() -> sqlite3.Row | None:
            with closing(sqlite3.connect(self.gateway.journal)) as store, suppress(sqlite3.OperationalError):
                store.row_factory = sqlite3.Row
                found: sqlite3.Row | None = store.execute(
                    "SELECT * FROM decisions WHERE decision_id = ?", (decision_id,)
                ).fetchone()
                return found
            return None  # no table yet

        wait_until(look)
        row = look()
        assert row is not None
        return dict(row)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("gateway")
    authority = Authority(folder)
    with serve_sdk_upstream(authority.issue("provider")) as upstream:
        base = f"https://localhost:{upstream.port}"
        options = ["--upstream", f"{base}/v1", "--upstream", f"claude={base}/anthropic"]
        options += ["--upstream", f"other={base}/api/deep/v1", "--upstream-ca", str(authority.cert)]
        for arm in ARMS:
            options += ["--arm", arm if "=" in arm else f"default={arm}"]
        options += ["--arm", "other=gpt-5.1@none", "--arm", "other=gpt-5.1@high"]
        options += ["--journal", f"sqlite:///{folder}/journal.db", "--", "--decision-deadline-ms", "0"]
        gateway = start_gateway(folder, *options)
        with ExitStack() as clients:
            yield Stack(gateway, upstream, clients)
        gateway.stop()


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-5.1", "messages": [{"role": "user", "content": text}], **more}


def test_ready_text_has_the_lines_to_paste(stack: Stack) -> None:
    text = (stack.gateway.folder / "out.txt").read_text()
    for line in ("OPENAI_BASE_URL={}/v1", "ANTHROPIC_BASE_URL={}/claude", "OPENAI_BASE_URL={}/other/v1"):
        assert line.format(stack.gateway.url) in text
    assert httpx.get(stack.gateway.api + "/readyz").status_code == 200


def test_openai_call_gets_its_effort_and_is_journalled(stack: Stack) -> None:
    answer = stack.openai().chat.completions.with_raw_response.create(**chat(PROOF))
    got = stack.upstream.last
    assert answer.parse().choices[0].message.content == "Paris."
    assert (got.path, got.json()) == ("/v1/chat/completions", chat(PROOF, reasoning_effort="high"))
    assert got.headers["authorization"] == f"Bearer {KEY}"
    assert got.headers["host"] == f"localhost:{stack.upstream.port}"
    assert answer.headers["x-thinkgate-arm"] == "gpt-5.1@high"
    decision_id = answer.headers["x-thinkgate-decision-id"]
    assert stack.decision(decision_id)["arm"] == "gpt-5.1@high"
    outcome = wait_for_outcome(stack.gateway.journal, decision_id)
    assert (outcome["input_tokens"], outcome["output_tokens"], outcome["reasoning_tokens"]) == (50, 900, 700)
    stack.openai().chat.completions.create(**chat(TRIVIA))
    assert stack.upstream.last.json()["reasoning_effort"] == "none"


def test_provider_is_told_nothing_of_the_gateway(stack: Stack) -> None:
    sent = {"x-thinkgate-tenant": "acme", "x-thinkgate-arm": "forged", "x-thinkgate-upstream": "claude"}
    answer = stack.openai().chat.completions.with_raw_response.create(**chat(PROOF), extra_headers=sent)
    assert answer.headers["x-thinkgate-arm"] == "gpt-5.1@high"  # that of its own upstream
    got = stack.upstream.last.headers
    foreign = [name for name in got if name.startswith(("x-thinkgate", "x-envoy", "x-forwarded", "via", "x-request"))]
    assert foreign == []
    assert (answer.headers["server"], answer.headers["x-request-id"]) == ("provider", "req_upstream")
    assert "x-envoy-upstream-service-time" not in answer.headers


def test_openai_stream_is_not_delayed(stack: Stack) -> None:
    """Each event must be with the client before the provider writes the next one: it waits for the client here."""
    options = {"stream": True, "stream_options": {"include_usage": True}}
    with stack.openai().chat.completions.with_streaming_response.create(**chat(TRIVIA, **options)) as answer:
        texts, usage = [], None
        for event in answer.parse():
            texts += [choice.delta.content or "" for choice in event.choices]
            usage = event.usage or usage
            stack.upstream.may_continue.release()
    assert "".join(texts) == "Paris."
    assert usage is not None
    assert usage.total_tokens == CHAT_USAGE["total_tokens"]
    outcome = wait_for_outcome(stack.gateway.journal, answer.headers["x-thinkgate-decision-id"])
    assert outcome["output_tokens"] == 900


def test_anthropic_call_and_stream(stack: Stack) -> None:
    client = stack.anthropic()
    turns: Any = [{"role": "user", "content": PROOF}]
    older = {"x-api-key": KEY}  # as earlier SDKs send it
    answer = client.messages.with_raw_response.create(
        model="claude-haiku-4-5", max_tokens=9000, messages=turns, extra_headers=older
    )
    got = stack.upstream.last
    assert answer.parse().usage.output_tokens == 5
    assert got.path == "/anthropic/v1/messages"
    assert got.json()["thinking"]["type"] == "enabled"
    assert (got.headers["authorization"], got.headers["x-api-key"]) == (f"Bearer {KEY}", KEY)
    assert got.headers["anthropic-version"]
    assert answer.headers["x-thinkgate-arm"] == "claude-haiku-4-5@high"
    while stack.upstream.may_continue.acquire(blocking=False):
        pass
    stack.upstream.may_continue.release(len(MESSAGE_EVENTS))
    with client.messages.stream(model="claude-haiku-4-5", max_tokens=9000, messages=turns) as stream:
        assert "".join(stream.text_stream) == "Paris."
        decision_id = stream.response.headers["x-thinkgate-decision-id"]
    outcome = wait_for_outcome(stack.gateway.journal, decision_id)
    assert (outcome["output_tokens"], outcome["model"]) == (33, "claude-haiku-4-5")


def test_base_path_of_an_upstream_is_put_in_front(stack: Stack) -> None:
    for path in ("/other/v1", "/other"):
        client = stack.openai(path, default_query={"api-version": "2026-01-01"})
        client.chat.completions.create(**chat(PROOF))
        assert stack.upstream.last.path == "/api/deep/v1/chat/completions?api-version=2026-01-01"
        assert stack.upstream.last.json()["reasoning_effort"] == "high"
    stack.openai().models.list()
    assert (stack.upstream.last.method, stack.upstream.last.path) == ("GET", "/v1/models")


def test_errors_of_the_provider_pass_through(stack: Stack) -> None:
    stack.upstream.status = 429
    try:
        with pytest.raises(openai.RateLimitError) as raised:
            stack.openai().chat.completions.create(**chat(TRIVIA))
    finally:
        stack.upstream.status = 200
    assert "You exceeded your current quota." in str(raised.value)
    assert raised.value.response.headers["x-request-id"] == "req_upstream"


def test_large_bodies_pass_as_they_came(stack: Stack) -> None:
    """Beyond what thinkgate reads, and beyond what Envoy holds."""
    for letters in (3_000_000, 9_000_000):
        sent = chat("x" * letters)
        stack.openai().chat.completions.create(**sent)
        assert stack.upstream.last.json() == sent


def test_a_model_of_no_arm_passes_as_it_came(stack: Stack) -> None:
    sent = chat(PROOF) | {"model": "gpt-4o-mini"}
    answer = stack.openai().chat.completions.with_raw_response.create(**sent)
    assert stack.upstream.last.json() == sent
    assert "x-thinkgate-arm" not in answer.headers


def test_websockets_pass(stack: Stack) -> None:
    async def ask() -> Any:
        url = stack.gateway.url.replace("http", "ws") + "/v1/realtime?model=gpt-realtime"
        headers = {"authorization": f"Bearer {KEY}"}
        async with websockets.connect(url, additional_headers=headers, proxy=None) as connection:
            await connection.send("hello")
            return await connection.recv()

    assert asyncio.run(ask()) == "HELLO"
    assert stack.upstream.last.path == "/v1/realtime?model=gpt-realtime"
    assert stack.upstream.last.headers["authorization"] == f"Bearer {KEY}"


def test_clients_may_speak_http2(stack: Stack) -> None:
    host, port = stack.gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        frame = connection.recv(9)
    assert frame[3] == 4  # SETTINGS


def test_without_the_server_calls_pass_and_it_comes_back(stack: Stack) -> None:
    server = stack.gateway.children()["server"]
    server.suspend()  # the worst case: connected, and silent
    answer = stack.openai().chat.completions.with_raw_response.create(**chat(PROOF))
    assert "x-thinkgate-arm" not in answer.headers
    assert stack.upstream.last.json() == chat(PROOF)
    server.kill()
    server.wait(10)
    stack.openai().chat.completions.create(**chat(PROOF))

    def decided() -> bool:
        with_headers = stack.openai().chat.completions.with_raw_response.create(**chat(PROOF))
        return "x-thinkgate-arm" in with_headers.headers

    wait_until(decided, 60, "no decisions after the server's end", 0.3)
    assert stack.gateway.children()["server"].pid != server.pid
    assert "the server ended with -9" in stack.gateway.text()


def test_a_killed_envoy_comes_back(stack: Stack) -> None:
    envoy = stack.gateway.children()["envoy"]
    envoy.kill()
    envoy.wait(10)
    wait_until(lambda: not _refuses(stack.gateway.url), 60, "no Envoy after the first one's end")
    answer = stack.openai().chat.completions.with_raw_response.create(**chat(PROOF))
    assert answer.headers["x-thinkgate-arm"] == "gpt-5.1@high"


def test_key_is_in_no_file(stack: Stack) -> None:
    """After the other tests, whose calls all carry it; Gemini's stands in the query."""
    path = f"/v1/models/gemini-2.5-flash:generateContent?key={KEY}"
    httpx.post(stack.gateway.url + path, json={"contents": []}, headers={"x-goog-api-key": KEY})
    assert stack.upstream.last.path.endswith(f"?key={KEY}")
    turns: Any = [{"role": "user", "content": PROOF}]
    stack.anthropic().messages.create(model="claude-haiku-4-5", max_tokens=9000, messages=turns)
    out = stack.gateway.folder / "out.txt"
    # Lines of an Envoy that a test killed may be lost; these two calls came after it.
    wait_until(lambda: "gemini-2.5-flash:generateContent 200" in out.read_text(), message="no line in the access log")
    wait_until(lambda: "POST /anthropic/v1/messages 200" in out.read_text(), message="no line of Claude's call")
    written = [path for path in stack.gateway.folder.rglob("*") if path.is_file()]
    assert {"out.txt", "err.txt", "journal.db", "envoy.json"} <= {path.name for path in written}
    assert [path for path in written if KEY.encode() in path.read_bytes()] == []


def test_ctrl_c_lets_a_stream_finish_and_leaves_no_process(stack: Stack) -> None:
    """Comes last: it ends the gateway."""
    children = list(stack.gateway.children().values())
    assert len(children) >= 2
    while stack.upstream.may_continue.acquire(blocking=False):
        pass
    texts = []
    with stack.openai().chat.completions.create(**chat(TRIVIA, stream=True)) as events:
        for place, event in enumerate(events):
            texts += [choice.delta.content or "" for choice in event.choices]
            if place == 0:
                stack.gateway.process.send_signal(signal.SIGINT)
                wait_until(lambda: _refuses(stack.gateway.url), message="it still takes connections")
            stack.upstream.may_continue.release()
    assert "".join(texts) == "Paris."
    assert stack.gateway.process.wait(30) == 0
    gone, alive = psutil.wait_procs(children, 5)
    assert (len(gone), alive) == (len(children), [])
    assert list((stack.gateway.folder / "tmp").iterdir()) == []
    assert "Traceback" not in stack.gateway.text()


def _refuses(url: str) -> bool:
    try:
        httpx.get(url + "/none", timeout=2)
    except httpx.TransportError:
        return True
    return False


def test_a_killed_gateway_leaves_no_process(tmp_path: Path) -> None:
    gateway = start_gateway(
        tmp_path, "--upstream", "http://127.0.0.1:9/v1", "--arm", "gpt-5.1@none", "--arm", "gpt-5.1@high"
    )
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match="could not get an answer from the upstream"),
    ):
        client.chat.completions.create(**chat(TRIVIA))
    children = list(gateway.children().values())
    assert len(children) == 2
    gateway.process.kill()
    gateway.process.wait(10)
    assert psutil.wait_procs(children, 30)[1] == []


def test_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = str(taken.getsockname()[1])
        options = ["--upstream", "https://api.openai.com/v1", "--arm", "gpt-5.1@none", "--arm", "gpt-5.1@high"]
        process = run_gateway_command(tmp_path, *options, "--port", port)
        assert process.wait(60) == 2
    error = (tmp_path / "err.txt").read_text()
    assert error.startswith(f"thinkgate gateway: port {port} is in use")
    assert "--port" in error
    assert len(error.splitlines()) == 1
