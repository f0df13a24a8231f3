"""Real LiteLLM proxies, the pinned and the current one, each in an environment of its own, with the callback installed.

The first half runs the example configuration against a real server. The second half asks what arrives at the providers
for any decision: rules, callback and proxy are real, decisions are scripted. One version drops unknown parameters
(`drop_params`), the other refuses them: what is set must be right under both.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fake_upstream import Upstream, serve_upstream
from tests.support.litellm_gate import GatedProxy, gated_proxy
from tests.support.litellm_proxy import DEPLOY, KEY, VERSIONS, environment, install_callback, litellm_proxy
from tests.support.servers import Running, start_server, stop_server
from tests.support.waiting import wait_for_outcome, wait_until

TRIVIA = "What is the capital of France?"
PROOF = "Prove that the square root of 2 is irrational, step by step."


@dataclass
class Proxy:
    """Everything between a client and its model."""

    url: str
    upstream: Upstream
    server: Running
    journal: Path

    def chat(self, text: str, model: str = "gpt-5.1", **more: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        headers = {"authorization": f"Bearer {KEY}"}
        return httpx.post(self.url + "/v1/chat/completions", json=body, headers=headers, timeout=60)

    def outcome(self, answer: httpx.Response) -> dict[str, Any]:
        return wait_for_outcome(self.journal, answer.headers["x-thinkgate-decision-id"])


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    folder = tmp_path_factory.mktemp("litellm")
    journal = folder / "journal.db"
    running = start_server("--journal", f"sqlite:///{journal}")
    site = install_callback()
    with serve_upstream() as upstream:
        config = (DEPLOY / "config.yaml").read_text()
        assert config.count("https://api.openai.com/v1") == 2
        (folder / "config.yaml").write_text(config.replace("https://api.openai.com/v1", upstream.url + "/v1"))
        variables = {
            "OPENAI_API_KEY": "sk-none",
            "PYTHONPATH": str(site),
            "THINKGATE_URL": running.url,
            "THINKGATE_TIMEOUT_MS": "2000",
        }
        try:
            with litellm_proxy(folder, variables, "--num_workers", "1") as url:
                yield Proxy(url, upstream, running, journal)
        finally:
            stop_server(running)


def test_decides_on_effort(proxy: Proxy) -> None:
    answer = proxy.chat(TRIVIA)
    assert answer.status_code == 200, answer.text
    assert proxy.upstream.last.json()["reasoning_effort"] == "none"
    assert (answer.headers["x-thinkgate-arm"], answer.headers["x-thinkgate-effort"]) == ("direct", "none")
    answer = proxy.chat(PROOF)
    assert proxy.upstream.last.json()["reasoning_effort"] == "high"
    assert answer.headers["x-thinkgate-arm"] == "reasoning"


def test_tokens_cost_and_latency_are_reported(proxy: Proxy) -> None:
    outcome = proxy.outcome(proxy.chat(TRIVIA))
    assert (outcome["input_tokens"], outcome["output_tokens"], outcome["reasoning_tokens"]) == (50, 900, 700)
    assert outcome["cost_usd"] > 0
    assert outcome["latency_ms"] > 0
    assert outcome["retries"] == 0


def test_stream_is_reported(proxy: Proxy) -> None:
    proxy.upstream.may_continue.release(20)
    body = {"model": "gpt-5.1", "stream": True, "messages": [{"role": "user", "content": TRIVIA}]}
    with httpx.stream(
        "POST", proxy.url + "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"}, timeout=60
    ) as answer:
        lines = list(answer.iter_lines())
    assert any("Pa" in line for line in lines)
    assert proxy.upstream.last.json()["reasoning_effort"] == "none"
    assert proxy.outcome(answer)["output_tokens"] == 900


def test_clients_own_effort_stands(proxy: Proxy) -> None:
    proxy.chat(TRIVIA, reasoning_effort="medium")
    assert proxy.upstream.last.json()["reasoning_effort"] == "medium"


def test_open_tool_loop_is_left_alone(proxy: Proxy) -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    turns = [
        {"role": "user", "content": "A conversation that nobody has seen yet: what is 6 x 7?"},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "1", "content": "42"},
    ]
    answer = proxy.chat("", messages=turns)
    assert answer.status_code == 200, answer.text
    assert "reasoning_effort" not in proxy.upstream.last.json()
    assert answer.headers["x-thinkgate-applied"] == "unchanged"


def test_a_call_moves_to_the_group_of_the_decided_model(proxy: Proxy) -> None:
    """The client asked for o3; the decision for the baseline moves the call to gpt-5.1, which knows `none`."""

    def moved() -> bool:  # the other groups are known a moment after the first call
        proxy.chat(TRIVIA, model="o3")
        got = proxy.upstream.last.json()
        return (got["model"], got.get("reasoning_effort")) == ("gpt-5.1", "none")

    wait_until(moved)


def test_calls_go_on_without_thinkgate(proxy: Proxy) -> None:
    """Comes last of this half: it ends the server."""
    stop_server(proxy.server)
    for _ in range(5):
        answer = proxy.chat(PROOF)
        assert answer.status_code == 200, answer.text
        assert "reasoning_effort" not in proxy.upstream.last.json()
        assert "x-thinkgate-arm" not in answer.headers


@pytest.fixture(scope="module", params=VERSIONS)
def gated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatedProxy]:
    folder = tmp_path_factory.mktemp(request.param)
    with gated_proxy(folder, request.param, drop_params=request.param == "current") as proxy:
        yield proxy


TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
FORCED = {"tools": TOOLS, "tool_choice": "required"}
ENABLED = {"type": "enabled", "budget_tokens": 16384}


def sent(gated: GatedProxy, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return gated.upstream.last


def about_reasoning(body: dict[str, Any]) -> dict[str, Any]:
    """Give what a body says of effort, thinking and room."""
    names = ("reasoning_effort", "reasoning", "thinking", "max_tokens", "max_completion_tokens", "chat_template_kwargs")
    found = {name: body[name] for name in names if name in body}
    settings = body.get("generationConfig", {})
    if "thinkingConfig" in settings:
        found["budget"] = settings["thinkingConfig"].get(
            "thinkingBudget", settings["thinkingConfig"].get("thinkingLevel")
        )
    return found


@pytest.mark.parametrize(
    ("group", "effort", "more", "expected"),
    [
        ("gpt-5.1", "high", {}, {"reasoning_effort": "high"}),
        ("gpt-5.1", "high", {"temperature": 0.2}, {}),
        ("gpt-5.1", "high", {"logprobs": True, "top_logprobs": 2}, {}),
        ("gpt-5.1", "high", {"n": 2}, {"reasoning_effort": "high"}),
        ("gpt-5.1", "none", {"temperature": 0.2}, {"reasoning_effort": "none"}),
        ("gpt-5.1", "high", {"max_tokens": 1100}, {"reasoning_effort": "high", "max_completion_tokens": 17484}),
        ("gpt-5.6", "high", {"tools": TOOLS}, {"reasoning": {"effort": "high"}}),
        ("gpt-4o", "high", {}, {}),
        ("azure-prod", "none", {}, {"reasoning_effort": "none"}),
        ("claude", "high", {"max_tokens": 1000}, {"thinking": ENABLED, "max_tokens": 17408}),
        ("claude", "high", {"temperature": 0.2, "max_tokens": 1000}, {"max_tokens": 1000}),
        ("claude", "high", {**FORCED, "max_tokens": 1000}, {"max_tokens": 1000}),
        ("claude-new", "none", {"max_tokens": 1000}, {"thinking": {"type": "disabled"}, "max_tokens": 1000}),
        ("gemini", "none", {}, {"budget": 2048}),
        ("gemini-flash", "none", {}, {"budget": 0}),
        ("gemini-3", "low", {}, {"budget": "low"}),
        ("gpt-oss", "none", {}, {"reasoning_effort": "low"}),
        ("qwen", "none", {}, {"chat_template_kwargs": {"enable_thinking": False}}),
        ("or", "high", {}, {"reasoning": {"effort": "high"}}),
        ("deepseek", "none", {}, {"thinking": {"type": "disabled"}}),
    ],
)
def test_providers_get_what_they_take(
    gated: GatedProxy, group: str, effort: str, more: dict[str, Any], expected: dict[str, Any]
) -> None:
    body = sent(gated, gated.chat(f"{effort}: go", group, **more))
    assert about_reasoning(body) == expected
    for name in ("temperature", "logprobs", "n"):
        assert body.get(name) == more.get(name)


@pytest.mark.parametrize(
    ("group", "effort", "stream", "expected"),
    [
        ("claude", "high", False, {"thinking": ENABLED, "max_tokens": 17408}),
        ("claude", "high", True, {"thinking": ENABLED, "max_tokens": 17408}),
        ("claude", "none", True, {"max_tokens": 1000}),
        ("gpt-5.1", "high", False, {"reasoning": {"effort": "high"}}),
        ("gpt-5.1", "none", False, {"reasoning": {"effort": "none"}}),
        ("gpt-oss", "none", False, {"reasoning_effort": "low", "max_tokens": 1000}),
    ],
)
def test_calls_of_messages_are_decided(
    gated: GatedProxy, group: str, effort: str, stream: bool, expected: dict[str, Any]
) -> None:
    turns = [{"role": "user", "content": f"{effort}: go"}]
    answer = gated.post("/v1/messages", {"model": group, "max_tokens": 1000, "messages": turns, "stream": stream})
    assert about_reasoning(sent(gated, answer)) == expected
    assert answer.headers["x-thinkgate-effort"] == effort
    outcome = gated.outcome(answer)
    if group == "claude":
        assert (outcome["input_tokens"], outcome["output_tokens"]) == (100, 5)


@pytest.mark.parametrize(
    ("group", "effort", "expected"),
    [
        ("gpt-5.1", "none", {"reasoning": {"effort": "none"}}),
        ("claude", "high", {"thinking": {"type": "enabled", "budget_tokens": 4096}, "max_tokens": 17408}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_calls_of_responses_are_decided(
    gated: GatedProxy, group: str, effort: str, expected: dict[str, Any], stream: bool
) -> None:
    limit = {"max_output_tokens": 1000} if group == "claude" else {}
    body = {"model": group, "input": f"{effort}: go", "stream": stream, **limit}
    answer = gated.post("/v1/responses", body)
    assert about_reasoning(sent(gated, answer)) == expected
    assert answer.headers["x-thinkgate-effort"] == effort
    assert gated.outcome(answer)["output_tokens"] == (5 if group == "claude" else 30)


@pytest.mark.parametrize("stated", [{"effort": "high", "summary": "auto"}, "auto", 3])
def test_an_odd_effort_stops_the_gate_for_nobody(gated: GatedProxy, stated: Any) -> None:
    for _ in range(4):
        gated.chat("low: go", "gpt-5.1", reasoning_effort=stated)
    assert about_reasoning(sent(gated, gated.chat("high: go", "gpt-5.1"))) == {"reasoning_effort": "high"}


def test_embeddings_and_images_are_never_decided(gated: GatedProxy) -> None:
    before = len(gated.gate.questions)
    assert gated.post("/v1/embeddings", {"model": "embed", "input": "high: go"}).status_code == 200
    assert gated.post("/v1/images/generations", {"model": "image", "prompt": "high: a cat"}).status_code == 200
    assert len(gated.gate.questions) == before


def test_a_fallback_gets_nothing_that_was_set_for_the_first_group(gated: GatedProxy) -> None:
    gated.upstream.broken.add("claude-sonnet-4-5")
    try:
        body = sent(gated, gated.chat("high: go", "claude", max_tokens=1000))
    finally:
        gated.upstream.broken.clear()
    assert body["model"] == "gpt-5.1"
    assert about_reasoning(body) == {"max_completion_tokens": 1000}


def test_decision_reason_and_net_stand_in_litellms_spend_log(gated: GatedProxy) -> None:
    for path, body in (
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "high: my secret"}]}),
        ("/v1/responses", {"input": "high: my secret"}),
    ):
        answer = gated.post(path, {"model": "gpt-5.1", **body})
        decision = gated.logged(answer)
        assert (decision["arm"], decision["applied"], decision["reason"]) == ("reasoning", "high", "by length")
        assert "secret" not in json.dumps(decision)


def test_no_key_image_or_argument_is_sent_to_the_gate(gated: GatedProxy) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    turns = [{"role": "user", "content": [{"type": "text", "text": "high: see"}, part]}]
    gated.chat("", "gpt-5.1", messages=turns, tools=TOOLS)
    question = json.dumps(gated.gate.questions[-1])
    assert "high: see" in question
    for secret in (KEY, "QUJD", "properties", "api_key", gated.upstream.url):
        assert secret not in question


def test_the_callback_needs_nothing_of_thinkgate() -> None:
    """Under its new name and its former one."""
    program = (
        "import sys, litellm_hook, thinkgate_litellm; assert litellm_hook.gate is thinkgate_litellm.gate;"
        "print({name.split('.')[0] for name in sys.modules} & {'serving', 'training'})"
    )
    site = install_callback()
    ended = subprocess.run(
        [str(environment() / "bin" / "python"), "-W", "ignore", "-c", program],
        cwd=site,
        env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": os.environ["PATH"], "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout.strip() == "set()", ended.stderr
