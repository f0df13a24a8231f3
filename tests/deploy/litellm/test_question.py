"""The question: texts and parameters, whatever the client sent; no media, arguments, keys or objects of LiteLLM."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import pytest
from thinkgate_litellm.question import CALL_TYPES, build_question, context_headers

from serving.decision.providers.litellm_proxy.proxy_call import CALL_TYPES as SERVER_CALL_TYPES
from serving.decision.providers.litellm_proxy.proxy_call import parse_proxy_call
from serving.decision.providers.request_body import parse_body

IMAGE = {"type": "image_url", "image_url": {"url": "S"}}


def asked(data: dict[str, Any], call_type: str = "acompletion") -> Any:
    return json.loads(build_question(data, call_type, {}))


def test_the_server_knows_the_same_calls() -> None:
    assert set(SERVER_CALL_TYPES) == CALL_TYPES


def test_nothing_but_texts_and_parameters_is_sent() -> None:
    data = {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "S"}}],
            },
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "S"}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "S"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "S", "parameters": {"a": "S"}}}],
        "api_key": "S",
        "api_base": "S",
        "extra_headers": {"authorization": "S"},
        "proxy_server_request": {"headers": {"authorization": "S", "user-agent": "x"}},
        "metadata": {"user_api_key": "S"},
        "litellm_logging_obj": object(),
        "temperature": 0.1,
        "reasoning_effort": {"effort": "high", "summary": "auto"},
    }
    question = asked(data)
    assert "S" not in json.dumps(question).replace("See", "")
    request = question["request"]
    assert (request["temperature"], request["reasoning_effort"]) == (0.1, {"effort": "high", "summary": "auto"})
    assert request["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": "-"}}
    parsed = parse_body(parse_proxy_call(question).request, "chat")
    assert (parsed.request.tools, parsed.request.messages[0].images, parsed.request.client_effort) == (1, 1, "high")


class Pydantic:
    def model_dump(self) -> dict[str, Any]:
        return {"role": "user", "content": "Hi"}


@pytest.mark.parametrize("odd", [object(), math.nan, {1: object()}, [b"x"], {"a": {"b": math.inf}}, "\ud800", {"x"}])
def test_odd_values_are_sent_as_json_or_not_at_all(odd: Any) -> None:
    question = asked(
        {"model": "m", "messages": [Pydantic()], "reasoning_effort": odd, "max_tokens": odd, "tools": [odd]}
    )
    assert question["request"]["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_body_without_end_is_cut() -> None:
    endless: dict[str, Any] = {}
    endless["inner"] = endless
    assert asked({"model": "m", "thinking": endless})["request"]["model"] == "m"


def test_a_session_in_the_clients_own_metadata_is_sent_where_it_is_the_clients() -> None:
    data = {"model": "m", "metadata": {"user_id": "u_session_1", "user_api_key": "S"}}
    assert asked(data, "anthropic_messages")["request"]["metadata"] == {"user_id": "u_session_1"}
    assert "metadata" not in asked(data)["request"]


def test_tenant_session_task_and_program_go_in_headers() -> None:
    data = {
        "litellm_metadata": {"requester_metadata": {"task": "sum\nup"}},
        "litellm_session_id": "s",
        "proxy_server_request": {"headers": {"user-agent": "claude-cli/2", "x-session-affinity": "a", "cookie": "S"}},
    }
    assert context_headers(data, SimpleNamespace(team_id=None, key_alias="größe")) == {
        "x-thinkgate-tenant": "gr??e",
        "x-thinkgate-session-id": "s",
        "x-thinkgate-task": "sum?up",
        "x-thinkgate-user-agent": "claude-cli/2",
        "x-session-affinity": "a",
    }


@pytest.mark.parametrize(
    "data", [{}, {"metadata": None, "litellm_metadata": "x"}, {"proxy_server_request": {"headers": 1}}]
)
def test_a_call_without_context_has_no_headers(data: dict[str, Any]) -> None:
    assert context_headers(data, None) == {}
