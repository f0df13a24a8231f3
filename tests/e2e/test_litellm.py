"""The real LiteLLM proxy, in an environment of its own, on the example configuration and the hook as it is deployed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fake_upstream import Upstream, serve_upstream
from tests.support.litellm_proxy import KEY, environment, litellm_proxy
from tests.support.servers import ROOT, Running, start_server, stop_server
from tests.support.waiting import wait_for_outcome

DEPLOY = ROOT / "deploy" / "litellm"
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
    shutil.copy(ROOT / "serving" / "gateways" / "litellm_hook.py", folder)
    with serve_upstream() as upstream:
        config = (DEPLOY / "config.yaml").read_text()
        assert config.count("https://api.openai.com/v1") == 2
        (folder / "config.yaml").write_text(config.replace("https://api.openai.com/v1", upstream.url + "/v1"))
        variables = {"OPENAI_API_KEY": "sk-none", "THINKGATE_URL": running.url, "THINKGATE_TIMEOUT_MS": "2000"}
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
        {"role": "user", "content": PROOF},
        {"role": "assistant", "content": None, "tool_calls": calls},
        {"role": "tool", "tool_call_id": "1", "content": "42"},
    ]
    answer = proxy.chat("", messages=turns)
    assert answer.status_code == 200, answer.text
    assert "reasoning_effort" not in proxy.upstream.last.json()
    assert "x-thinkgate-arm" not in answer.headers


def test_model_that_takes_no_such_effort_is_not_sent_one(proxy: Proxy) -> None:
    """The client asked for o3; the decision for the baseline moves the call to gpt-5.1, which knows `none`."""
    proxy.chat(TRIVIA, model="o3")
    got = proxy.upstream.last.json()
    assert (got["model"], got["reasoning_effort"]) == ("gpt-5.1", "none")


def test_calls_go_on_without_thinkgate(proxy: Proxy) -> None:
    """Comes last: it ends the server."""
    stop_server(proxy.server)
    for _ in range(5):
        answer = proxy.chat(PROOF)
        assert answer.status_code == 200, answer.text
        assert "reasoning_effort" not in proxy.upstream.last.json()
        assert "x-thinkgate-arm" not in answer.headers


def test_hook_needs_nothing_of_thinkgate() -> None:
    program = "import sys, litellm_hook; print({name.split('.')[0] for name in sys.modules} & {'serving', 'training'})"
    python = environment() / "bin" / "python"
    ended = subprocess.run(
        [str(python), "-W", "ignore", "-c", program],
        cwd=ROOT / "serving" / "gateways",
        env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.stdout.strip() == "set()", ended.stderr
