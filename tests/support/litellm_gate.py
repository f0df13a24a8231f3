"""A real LiteLLM proxy between a client and recording providers; the gate's rules are real, its decisions are scripted.

The effort stands in front of the newest turn (`high: prove it`), so that a test can ask what any decision becomes.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import httpx

from serving.decision import Decision, Effort, Request
from serving.decision.selection import NEUTRAL, RuntimeState
from serving.http_api import build_api
from serving.schemas import RequestLimits
from tests.support.asgi_server import serve_in_thread
from tests.support.fakes import LengthDecider, make_service
from tests.support.litellm_proxy import KEY, Version, install_callback, litellm_proxy
from tests.support.provider_upstream import ProviderUpstream, serve_providers
from tests.support.waiting import wait_until

CONFIG = """
model_list:
  - {{model_name: gpt-5.1, litellm_params: {{model: openai/gpt-5.1, api_key: k, api_base: "{url}/v1"}}}}
  - {{model_name: gpt-5.6, litellm_params: {{model: openai/gpt-5.6-sol, api_key: k, api_base: "{url}/v1"}}}}
  - {{model_name: gpt-4o, litellm_params: {{model: openai/gpt-4o, api_key: k, api_base: "{url}/v1"}}}}
  - {{model_name: claude, litellm_params: {{model: anthropic/claude-sonnet-4-5, api_key: k, api_base: "{url}"}}}}
  - {{model_name: claude-new, litellm_params: {{model: anthropic/claude-opus-4-6, api_key: k, api_base: "{url}"}}}}
  - {{model_name: gemini, litellm_params: {{model: gemini/gemini-2.5-pro, api_key: k, api_base: "{url}"}}}}
  - {{model_name: gemini-flash, litellm_params: {{model: gemini/gemini-2.5-flash, api_key: k, api_base: "{url}"}}}}
  - {{model_name: gemini-3, litellm_params: {{model: gemini/gemini-3-flash-preview, api_key: k, api_base: "{url}"}}}}
  - {{model_name: gpt-oss, litellm_params: {{model: hosted_vllm/openai/gpt-oss-120b, api_base: "{url}/v1"}}}}
  - {{model_name: qwen, litellm_params: {{model: hosted_vllm/Qwen/Qwen3-8B, api_base: "{url}/v1"}}}}
  - {{model_name: or, litellm_params: {{model: openrouter/openai/gpt-5.1, api_key: k, api_base: "{url}/v1"}}}}
  - {{model_name: deepseek, litellm_params: {{model: deepseek/deepseek-chat, api_key: k, api_base: "{url}/v1"}}}}
  - {{model_name: embed, litellm_params: {{model: openai/text-embedding-3-small, api_key: k, api_base: "{url}/v1"}}}}
  - {{model_name: image, litellm_params: {{model: openai/gpt-image-1, api_key: k, api_base: "{url}/v1"}}}}
  - model_name: bedrock-claude
    litellm_params:
      model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_access_key_id: k
      aws_secret_access_key: k
      aws_region_name: us-east-1
      api_base: "{url}"
  - model_name: azure-prod
    litellm_params: {{model: azure/chat-prod, api_key: k, api_base: "{url}", api_version: "2025-04-01-preview"}}
    model_info: {{base_model: azure/gpt-5.1}}
litellm_settings:
  callbacks: ["thinkgate_litellm.gate", "spend_recorder.recorder"]
  drop_params: {drop_params}
  num_retries: 0
router_settings:
  fallbacks: [{{"claude": ["gpt-5.1"]}}]
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
"""
RECORDER = """
import json
from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload


class Recorder(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        row = get_logging_payload(kwargs, response_obj, start_time, end_time)
        with open("spend.jsonl", "a") as file:
            file.write(json.dumps(row, default=str) + "\\n")


recorder = Recorder()
"""


class ScriptedDecider(LengthDecider):
    """Decides the effort that the newest turn names, for the model that was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._ids = itertools.count()

    def decide(self, request: Request, runtime_state: RuntimeState = NEUTRAL) -> Decision:
        decision = replace(super().decide(request, runtime_state), decision_id=f"{next(self._ids):026d}")
        effort = request.messages[-1].text.partition(":")[0]
        arm = "direct" if effort == "none" else "reasoning"
        effort = request.client_effort or effort
        return replace(decision, arm=arm, model=request.model or "", effort=cast(Effort, effort))


@dataclass
class Gate:
    """The server as far as the callback sees it; counts questions, keeps outcomes."""

    app: Any
    questions: list[Any] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        if scope["path"] == "/v1/outcomes":
            self.outcomes.append(json.loads(body))
            await send({"type": "http.response.start", "status": 202, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        self.questions.append(json.loads(body))

        async def again() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, again, send)


@dataclass
class GatedProxy:
    """Everything between a client and its providers."""

    url: str
    upstream: ProviderUpstream
    gate: Gate
    folder: Path

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return httpx.post(self.url + path, json=body, headers={"authorization": f"Bearer {KEY}"}, timeout=60)

    def chat(self, text: str, model: str, **more: Any) -> httpx.Response:
        messages = [{"role": "user", "content": text}]
        return self.post("/v1/chat/completions", {"model": model, "messages": messages, **more})

    def outcome(self, answer: httpx.Response) -> dict[str, Any]:
        """Wait for what the callback reports of an answered call."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            wanted = answer.headers["x-thinkgate-decision-id"]
            found[:] = [outcome for outcome in self.gate.outcomes if outcome["decision_id"] == wanted]
            return bool(found)

        wait_until(look, message="no outcome was reported")
        assert len(found) == 1
        return found[0]

    def logged(self, answer: httpx.Response) -> dict[str, Any]:
        """Wait for LiteLLM's own spend log of an answered call, and give what stands there of the decision."""
        wanted, found = answer.headers["x-thinkgate-decision-id"], []

        def look() -> bool:
            path = self.folder / "spend.jsonl"
            for line in path.read_text().splitlines() if path.exists() else []:
                metadata = json.loads(line)["metadata"]
                metadata = json.loads(metadata) if isinstance(metadata, str) else metadata
                decision = (metadata.get("spend_logs_metadata") or {}).get("thinkgate", {})
                found.extend([decision] if decision.get("decision_id") == wanted else [])
            return bool(found)

        wait_until(look, message="nothing was logged")
        return found[0]


@contextmanager
def gated_proxy(folder: Path, version: Version, *, drop_params: bool = False) -> Iterator[GatedProxy]:
    """Run all of it while the block runs."""
    site = install_callback()
    (folder / "spend_recorder.py").write_text(RECORDER)
    gate = Gate(build_api(make_service(ScriptedDecider()), RequestLimits(), lambda: True, "0.1.0", ()))
    with serve_providers() as upstream, serve_in_thread(gate) as port:
        (folder / "config.yaml").write_text(CONFIG.format(url=upstream.url, drop_params=str(drop_params).lower()))
        variables = {
            "PYTHONPATH": str(site),
            "THINKGATE_URL": f"http://127.0.0.1:{port}",
            "THINKGATE_TIMEOUT_MS": "5000",
        }
        with litellm_proxy(folder, variables, "--num_workers", "1", version=version) as url:
            yield GatedProxy(url, upstream, gate, folder)
