"""The real LiteLLM proxy makes its own sample: a callback's payloads and the rows of its spend logs, then imported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.decision.types import Arm
from tests.support.fake_upstream import serve_upstream
from tests.support.litellm_proxy import KEY, litellm_proxy
from tests.support.waiting import wait_until
from training.importers.base import ImportOptions
from training.importers.catalog import import_history
from training.records.history import read

ARMS = (Arm("direct", "gpt-5.1", "none"), Arm("reasoning", "gpt-5.1", "high"))
CONFIG = """
model_list:
  - model_name: gpt-5.1
    litellm_params: {{model: openai/gpt-5.1, api_key: sk-none, api_base: "{url}/v1"}}
litellm_settings:
  callbacks: ["recorder.recorder"]
  num_retries: 0
general_settings:
  master_key: {key}
  store_prompts_in_spend_logs: true
"""
RECORDER = '''
"""Writes what LiteLLM gives a callback, and the row that LiteLLM itself makes of it for LiteLLM_SpendLogs."""
import json

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload


class Recorder(CustomLogger):
    def write(self, kwargs, response, start, end):
        began = kwargs.get("completion_start_time") or end  # a failed call has none; the proxy puts its end there too
        row = get_logging_payload({**kwargs, "completion_start_time": began}, response, start, end)
        for name, value in (("callbacks", kwargs.get("standard_logging_object")), ("spend", dict(row))):
            with open(name + ".jsonl", "a") as file:
                file.write(json.dumps(value, default=str) + "\\n")

    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self.write(kwargs, response_obj, start_time, end_time)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        # As the proxy's own hook for failed calls does before it makes the row.
        told = kwargs["litellm_params"].setdefault("metadata", {})
        told["status"] = "failure"
        told["error_information"] = kwargs["standard_logging_object"]["error_information"]
        self.write(kwargs, response_obj, start_time, end_time)


recorder = Recorder()
'''


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three calls: one at each effort, and one that the endpoint breaks."""
    folder = tmp_path_factory.mktemp("sample")
    (folder / "recorder.py").write_text(RECORDER)
    with serve_upstream() as upstream:
        (folder / "config.yaml").write_text(CONFIG.format(url=upstream.url, key=KEY))
        with litellm_proxy(folder, {}) as url:
            for effort in ("none", "high"):
                assert _chat(url, effort).status_code == 200
            upstream.status = 500
            assert _chat(url, "high").status_code >= 500
            spend = folder / "spend.jsonl"
            wait_until(
                lambda: spend.exists() and len(spend.read_text().splitlines()) >= 3,
                60,
                "the proxy's callback did not report all calls",
            )
            yield folder


def _chat(url: str, effort: str) -> httpx.Response:
    body: dict[str, Any] = {
        "model": "gpt-5.1",
        "reasoning_effort": effort,
        "messages": [{"role": "user", "content": "What is the capital of France?"}],
        "metadata": {"graded": 1.0 if effort == "high" else 0.5},
    }
    return httpx.post(url + "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {KEY}"}, timeout=60)


@pytest.mark.parametrize(("source", "name"), [("litellm-callbacks", "callbacks"), ("litellm-spend-logs", "spend")])
def test_what_the_proxy_writes_is_imported(sample: Path, tmp_path: Path, source: str, name: str) -> None:
    path = sample / f"{name}.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    out = tmp_path / "history.jsonl"
    found = import_history(source, path, out, tmp_path / "q.quarantine.jsonl", ImportOptions(ARMS, success="graded"))
    aside = (tmp_path / "q.quarantine.jsonl").read_text()
    assert (found.read, found.written) == (len(rows), 2), aside
    assert set(found.quarantined) == {"call failed"}, aside
    frame = read(out, arms=ARMS).frame.sort_values("arm", key=lambda arm: arm.astype(str)).reset_index(drop=True)
    assert list(frame["arm"]) == ["direct", "reasoning"]
    assert list(frame["success"]) == [0.5, 1.0]
    assert set(frame["input_tokens"]) == {50}
    assert set(frame["output_tokens"]) == {900}
    assert set(frame["reasoning_tokens"]) == {700}
    assert frame["cost_usd"].gt(0).all()
    assert frame["latency_ms"].gt(0).all()
    assert frame["prompt_id"].nunique() == 1
