"""The hook outside LiteLLM: what it asks, what it reports, and that it never holds a call up or breaks it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from serving.gateways import litellm_hook
from serving.gateways.litellm_hook import HookOptions, ThinkgateHook, decision_request

DECISION = {"decision_id": "01J", "arm": "reasoning", "model": "m", "effort": "high", "bucket": "use"}
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Gate:
    """thinkgate, as far as the hook can see."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response] | None = None) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.now = 0.0
        self._answer = answer or (lambda _: httpx.Response(200, json=DECISION))
        options = HookOptions(timeout_ms=100.0, models=frozenset({"m"}))
        self.hook = ThinkgateHook(options, httpx.MockTransport(self._take), lambda: self.now)

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.path, json.loads(request.content)))
        return self._answer(request)


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "a secret"}], "litellm_call_id": "c", **more}


@pytest.fixture(autouse=True)
def _no_litellm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer what LiteLLM itself would be asked."""
    monkeypatch.setattr(litellm_hook, "_deployed", lambda model: [f"openai/{model}"] if model == "m" else None)
    monkeypatch.setattr(litellm_hook, "_takes", lambda _model, effort: effort != "none")


async def call(gate: Gate, data: dict[str, Any], kind: str = "acompletion") -> dict[str, Any]:
    return await gate.hook.async_pre_call_hook(None, None, data, kind)


def test_asks_for_texts_and_counts_only() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:..."}}
    data = chat(
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "See"}, image], "name": "x"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}, {"id": "2"}]},
        ],
        tools=[{}, {}],
        reasoning_effort="low",
        metadata={"session_id": "s", "task": "t"},
        temperature=0.1,
    )
    assert decision_request(data, SimpleNamespace(team_id="acme", key_alias="k")) == {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url"}]},
            {"role": "assistant", "content": None, "tool_calls": [{}, {}]},
        ],
        "model": "m",
        "tenant": "acme",
        "session_id": "s",
        "task": "t",
        "client_effort": "low",
        "tools": 2,
    }


def test_decision_is_written_into_the_call_and_sent_to_the_client() -> None:
    async def run() -> None:
        gate = Gate()
        assert (await call(gate, chat()))["reasoning_effort"] == "high"
        headers = await gate.hook.async_post_call_response_headers_hook(chat(), None, None)
        assert headers == {
            "x-thinkgate-decision-id": "01J",
            "x-thinkgate-arm": "reasoning",
            "x-thinkgate-effort": "high",
            "x-thinkgate-bucket": "use",
        }
        assert await gate.hook.async_post_call_response_headers_hook({"litellm_call_id": "other"}) is None

    asyncio.run(run())


def test_effort_that_the_model_does_not_take_is_left_out() -> None:
    off = Gate(lambda _: httpx.Response(200, json={**DECISION, "effort": "none"}))
    assert "reasoning_effort" not in asyncio.run(call(off, chat(reasoning_effort="high")))


def test_model_that_the_proxy_does_not_know_is_not_sent() -> None:
    other = Gate(lambda _: httpx.Response(200, json={**DECISION, "model": "elsewhere"}))
    assert asyncio.run(call(other, chat())) == chat()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (chat(model="other"), "acompletion"),
        (chat(thinking={"type": "enabled", "budget_tokens": 2000}), "acompletion"),
        (chat(messages=[{"role": "tool", "content": "42"}]), "acompletion"),
        (chat(messages="odd"), "acompletion"),
        ({"model": "m", "input": "text"}, "aembedding"),
    ],
)
def test_other_calls_are_not_decided_on(data: dict[str, Any], kind: str) -> None:
    gate = Gate()
    assert asyncio.run(call(gate, dict(data), kind)) == data
    assert gate.asked == []


def _slow(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow")


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(422, json={}),
        lambda _: httpx.Response(200, content=b"<html>"),
        lambda _: httpx.Response(200, json={"arm": "x"}),
        lambda _: httpx.Response(200, json=[1]),
        _slow,
    ],
)
def test_call_goes_on_whatever_thinkgate_does(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "thinkgate.litellm"):
        assert asyncio.run(call(Gate(answer), chat())) == chat()
    assert "secret" not in caplog.text


def test_dead_server_is_asked_again_after_a_pause() -> None:
    async def run() -> None:
        gate = Gate(_slow)
        for _ in range(10):
            await call(gate, chat())
        assert len(gate.asked) == 3
        gate.now = 1.1
        await call(gate, chat())
        assert len(gate.asked) == 4

    asyncio.run(run())


def test_outcomes_are_reported() -> None:
    async def run() -> None:
        gate = Gate()
        await call(gate, chat())
        failed = {"litellm_call_id": "c", "exception": TimeoutError()}
        await gate.hook.async_log_failure_event(failed, None, BEGAN, BEGAN + timedelta(seconds=9))
        failed = {"litellm_call_id": "c", "exception": ValueError()}
        await gate.hook.async_log_failure_event(failed, None, BEGAN, BEGAN)
        usage = SimpleNamespace(
            prompt_tokens=50,
            completion_tokens=900,
            completion_tokens_details=SimpleNamespace(reasoning_tokens=700),
            prompt_tokens_details=None,
        )
        kwargs = {"litellm_call_id": "c", "response_cost": 0.01}
        reply = SimpleNamespace(usage=usage)
        await gate.hook.async_log_success_event(kwargs, reply, BEGAN, BEGAN + timedelta(seconds=2))
        await gate.hook.async_log_success_event({"litellm_call_id": "unknown"}, reply, BEGAN, BEGAN)
        await gate.hook.drain()
        reports = [body for path, body in gate.asked if path == "/v1/outcomes"]
        assert reports == [
            {"decision_id": "01J", "failure_mode": "timeout", "latency_ms": 9000.0},
            {
                "decision_id": "01J",
                "input_tokens": 50,
                "output_tokens": 900,
                "reasoning_tokens": 700,
                "cost_usd": 0.01,
                "latency_ms": 2000.0,
                "retries": 2,
            },
        ]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("effort", "read"),
    [
        ({"effort": "high", "summary": "auto"}, "high"),
        ("LOW", "low"),
        ("disable", "none"),
        ({"effort": ["high"]}, None),
        (["high"], None),
        (3, None),
        (None, None),
    ],
)
def test_a_clients_effort_is_read_in_every_form_and_never_raises(effort: object, read: str | None) -> None:
    asked = litellm_hook.decision_request(chat(reasoning_effort=effort), None)
    assert asked.get("client_effort") == read
