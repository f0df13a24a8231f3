"""The callback outside LiteLLM: asks the real rules, never breaks a call or holds it up."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from thinkgate_litellm import HookOptions, ThinkgateHook

from serving.schemas import RequestLimits
from tests.support.fakes import client_of, make_service
from tests.support.litellm_gate import ScriptedDecider

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
Answer = Callable[[httpx.Request], httpx.Response]


def rules(request: httpx.Request) -> httpx.Response:
    """Answer as the server does: decisions are scripted, rules are real."""
    if request.url.path == "/v1/outcomes":
        return httpx.Response(202)
    client = client_of(make_service(ScriptedDecider()), RequestLimits())
    with ThreadPoolExecutor(1) as thread:  # the client runs an event loop of its own
        answer = thread.submit(client.post, request.url.raw_path.decode(), request.content).result()
    return httpx.Response(answer.status, headers=answer.headers, content=answer.body)


class Gate:
    """A recording server in front of the callback."""

    def __init__(
        self, answer: Answer = rules, timeout_ms: float = 5000.0, models: frozenset[str] = frozenset()
    ) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.now = 0.0
        self.answer = answer
        options = HookOptions(timeout_ms=5000.0, models=models)
        self.hook = ThinkgateHook(options, httpx.MockTransport(self._take), lambda: self.now)

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.url.path, json.loads(request.content)))
        return self.answer(request)

    async def call(self, data: dict[str, Any], kind: str = "acompletion") -> dict[str, Any]:
        return await self.hook.async_pre_call_hook(None, None, data, kind)


def chat(text: str = "high: a secret", **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": text}]
    return {"model": "gpt-5.1", "messages": turns, "litellm_call_id": "c", **more}


def without_metadata(data: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name not in ("metadata", "litellm_metadata")}


def test_the_decision_is_set_logged_and_sent_to_the_client() -> None:
    async def run() -> None:
        gate = Gate()
        data = await gate.call(chat())
        assert data["reasoning_effort"] == "high"
        logged = data["metadata"]["spend_logs_metadata"]["thinkgate"]
        assert (logged["arm"], logged["applied"], logged["reason"]) == ("reasoning", "high", "by length")
        assert "secret" not in json.dumps(data["metadata"])
        headers = await gate.hook.async_post_call_response_headers_hook(chat(), None, None)
        assert headers == {
            "x-thinkgate-decision-id": "0" * 26,
            "x-thinkgate-arm": "reasoning",
            "x-thinkgate-effort": "high",
            "x-thinkgate-applied": "high",
            "x-thinkgate-bucket": logged["bucket"],
        }
        assert await gate.hook.async_post_call_response_headers_hook({"litellm_call_id": "other"}) is None

    asyncio.run(run())


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
BUDGET = {"type": "enabled", "budget_tokens": 16384}


@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (chat(temperature=0.2), {}),
        (chat(logprobs=True, top_logprobs=2), {}),
        (chat(max_tokens=100, n=2), {"reasoning_effort": "high", "max_tokens": 17408}),
        (chat(model="claude-sonnet-4-5", max_tokens=1000), {"thinking": BUDGET, "max_tokens": 17408}),
        (chat(model="claude-sonnet-4-5", temperature=0.2), {}),
        (chat(model="claude-sonnet-4-5", tools=TOOLS, tool_choice="required"), {}),
        (chat("none: x", model="gemini/gemini-2.5-pro"), {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
        (chat("none: x", model="hosted_vllm/openai/gpt-oss-120b"), {"reasoning_effort": "low"}),
    ],
)
def test_what_the_provider_refuses_is_not_done(data: dict[str, Any], changes: dict[str, Any]) -> None:
    expected = {**data, **changes}
    assert without_metadata(asyncio.run(Gate().call(dict(data)))) == expected


@pytest.mark.parametrize(
    ("data", "kind", "key", "changes"),
    [
        (
            {"model": "claude-sonnet-4-5", "max_tokens": 1000, "messages": chat()["messages"], "litellm_metadata": {}},
            "anthropic_messages",
            "litellm_metadata",
            {"thinking": BUDGET, "max_tokens": 17408},
        ),
        (
            {"model": "gpt-5.1", "input": "high: x", "litellm_metadata": {}},
            "aresponses",
            "litellm_metadata",
            {"reasoning": {"effort": "high"}},
        ),
    ],
)
def test_messages_and_responses_are_decided_like_chat(
    data: dict[str, Any], kind: str, key: str, changes: dict[str, Any]
) -> None:
    served = asyncio.run(Gate().call(dict(data), kind))
    assert without_metadata(served) == without_metadata({**data, **changes})
    assert served[key]["thinkgate"]["effort"] == "high"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"model": "m", "input": "text"}, "aembedding"),
        ({"model": "m", "prompt": "a cat"}, "aimage_generation"),
        ({"model": "m", "prompt": "x"}, "atext_completion"),
        ({"model": "m", "input": "x"}, "aspeech"),
        ({"model": "m", "contents": []}, "agenerate_content"),
        ({"messages": [{"role": "user", "content": "x"}]}, "acompletion"),
        ({"model": ["m"], "messages": [{}]}, "acompletion"),
        ({"model": "m", "messages": []}, "acompletion"),
    ],
)
def test_other_calls_are_never_decided(data: dict[str, Any], kind: str) -> None:
    gate = Gate()
    assert asyncio.run(gate.call(dict(data), kind)) == data
    assert gate.asked == []


def test_only_the_named_groups_are_decided() -> None:
    gate = Gate(models=frozenset({"other"}))
    assert asyncio.run(gate.call(chat())) == chat()
    assert gate.asked == []


ODD: list[dict[str, Any]] = [
    {"reasoning_effort": {"effort": "high", "summary": "auto"}},
    {"reasoning_effort": {"effort": ["high"]}},
    {"reasoning_effort": ["high"]},
    {"reasoning_effort": "auto"},
    {"reasoning_effort": 3},
    {"reasoning_effort": object()},
    {"thinking": {"type": "enabled", "budget_tokens": "many"}},
    {"thinking": "on"},
    {"thinking": object()},
    {"tools": [object()], "tool_choice": {1, 2}},
    {"tools": 7},
    {"metadata": "x", "litellm_metadata": 4},
    {"proxy_server_request": []},
    {"messages": "odd"},
    {"messages": [object()]},
    {"messages": [{"role": "user", "content": b"\xff"}]},
    {"messages": [{"role": {}, "content": "\ud800"}]},
    {"max_tokens": float("nan")},
    {"max_tokens": {"a": 1}},
    {"extra_body": [1]},
    {"litellm_call_id": {}},
]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_parameter_neither_raises_nor_stops_the_gate_for_others(odd: dict[str, Any]) -> None:
    async def run() -> None:
        gate = Gate()
        for _ in range(5):
            await gate.call(chat(**odd))
        gate.asked.clear()
        served = await gate.call(chat())
        assert served["reasoning_effort"] == "high"
        assert len(gate.asked) == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    ("stated", "asked"),
    [
        ({"reasoning_effort": {"effort": "high", "summary": "auto"}}, "high"),
        ({"reasoning_effort": "LOW"}, "low"),
        ({"reasoning_effort": "auto"}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "low"),
        ({"reasoning_effort": "disable"}, "none"),
    ],
)
def test_a_clients_own_effort_stands_in_every_form(stated: dict[str, Any], asked: str) -> None:
    served = asyncio.run(Gate().call(chat("max: x", **stated)))
    assert without_metadata(served) == chat("max: x", **stated)
    assert (served["metadata"]["thinkgate"]["applied"], served["metadata"]["thinkgate"]["not_applied"]) == (
        asked,
        "client",
    )


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422, 429])
def test_a_refusal_is_no_failure(status: int) -> None:
    async def run() -> None:
        gate = Gate(lambda _: httpx.Response(status))
        for _ in range(9):
            assert await gate.call(chat()) == chat()
        assert len(gate.asked) == 9

    asyncio.run(run())


def _raise(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("slow")


BROKEN: list[Answer] = [
    lambda _: httpx.Response(500),
    lambda _: httpx.Response(302, headers={"location": "http://else"}),
    lambda _: httpx.Response(200, content=b"<html>"),
    lambda _: httpx.Response(200, json={"reasoning_effort": "high"}),
    lambda _: httpx.Response(200, json=[1], headers={"x-thinkgate-decision-id": "x"}),
    lambda _: httpx.Response(200, json={}, headers={"x-thinkgate-decision-id": "x", "x-thinkgate-net-usd": "much"}),
    _raise,
]


@pytest.mark.parametrize("answer", BROKEN)
def test_the_call_goes_on_whatever_thinkgate_does(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "thinkgate.litellm"):
        assert asyncio.run(Gate(answer).call(chat())) == chat()
    assert "secret" not in caplog.text


@pytest.mark.parametrize("answer", BROKEN)
def test_a_broken_server_is_asked_again_after_a_pause(answer: Answer) -> None:
    async def run() -> None:
        gate = Gate(answer)
        for _ in range(10):
            await gate.call(chat())
        assert len(gate.asked) == 3
        gate.now, gate.answer = 1.1, rules
        assert (await gate.call(chat()))["reasoning_effort"] == "high"

    asyncio.run(run())


def test_a_slow_server_holds_a_call_up_for_the_timeout_only() -> None:
    class Slow(httpx.AsyncBaseTransport):
        cancelled = False

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                Slow.cancelled = True
                raise
            raise AssertionError("never")

    async def run() -> None:
        hook = ThinkgateHook(HookOptions(timeout_ms=20.0), Slow())
        assert await asyncio.wait_for(hook.async_pre_call_hook(None, None, chat(), "acompletion"), 30) == chat()

    asyncio.run(run())
    assert Slow.cancelled


def test_a_body_that_is_too_large_goes_on_unasked() -> None:
    gate = Gate()
    data = chat("x" * 4_000_000)
    assert asyncio.run(gate.call(data)) == data
    assert gate.asked == []


def test_a_fallback_to_another_group_is_not_sent_what_was_set_for_the_first() -> None:
    async def run() -> None:
        gate = Gate()
        data = await gate.call(chat(model="claude-sonnet-4-5", max_tokens=1000))
        kept = await gate.hook.async_pre_call_deployment_hook(
            {**data, "metadata": {"model_group": "claude-sonnet-4-5"}}, None
        )
        assert kept is None
        fallback = {**data, "model": "openai/gpt-5.1", "metadata": {"model_group": "gpt-5.1"}}
        back = await gate.hook.async_pre_call_deployment_hook(fallback, None)
        assert back is not None
        assert without_metadata(back) == chat(model="openai/gpt-5.1", max_tokens=1000)
        for other in (
            {},
            {"litellm_call_id": "unknown"},
            {"litellm_call_id": "c"},
            {"litellm_call_id": "c", "metadata": 1},
        ):
            assert await gate.hook.async_pre_call_deployment_hook(other, None) is None

    asyncio.run(run())


def test_outcomes_are_reported_with_retries() -> None:
    async def run() -> None:
        gate = Gate()
        await gate.call(chat())
        failed = {"litellm_call_id": "c", "exception": TimeoutError()}
        await gate.hook.async_log_failure_event(failed, None, BEGAN, BEGAN + timedelta(seconds=9))
        failed = {"litellm_call_id": "c", "exception": ValueError()}
        await gate.hook.async_log_failure_event(failed, None, BEGAN, BEGAN)
        await gate.hook.async_log_failure_event({"litellm_call_id": "unknown"}, None, BEGAN, BEGAN)
        usage = {"prompt_tokens": 50, "completion_tokens": 900, "completion_tokens_details": {"reasoning_tokens": 700}}
        kwargs = {"litellm_call_id": "c", "response_cost": 0.01}
        reply = SimpleNamespace(usage=usage)
        await gate.hook.async_log_success_event(kwargs, reply, BEGAN, BEGAN + timedelta(seconds=2))
        await gate.hook.async_log_success_event({"litellm_call_id": "unknown"}, reply, BEGAN, BEGAN)
        await gate.hook.drain()
        reports = [body for path, body in gate.asked if path == "/v1/outcomes"]
        assert reports == [
            {"decision_id": "0" * 26, "failure_mode": "timeout", "latency_ms": 9000.0},
            {
                "decision_id": "0" * 26,
                "input_tokens": 50,
                "output_tokens": 900,
                "reasoning_tokens": 700,
                "cost_usd": 0.01,
                "latency_ms": 2000.0,
                "retries": 2,
            },
        ]

    asyncio.run(run())
