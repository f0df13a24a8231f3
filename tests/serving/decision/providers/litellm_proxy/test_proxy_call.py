"""A proxy's call: its form, its group and what stands behind it; a bad envelope is named, never quoted."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.errors import BadRequest
from serving.decision.providers.litellm_proxy.proxy_call import CALL_TYPES, Deployment, parse_proxy_call


def envelope(**more: Any) -> dict[str, Any]:
    return {"call_type": "acompletion", "request": {"model": "g", "messages": []}, "groups": {}, **more}


@pytest.mark.parametrize(("call_type", "api"), CALL_TYPES.items())
def test_a_call_type_tells_the_form(call_type: str, api: str) -> None:
    assert parse_proxy_call(envelope(call_type=call_type)).api == api


def test_a_deployment_is_its_base_model_at_its_provider() -> None:
    raw = {"model": "azure/chat-prod", "base_model": "azure/gpt-5.1", "provider": "azure", "efforts": ["low", "odd"]}
    call = parse_proxy_call(envelope(groups={"g": [raw, raw], "other": [{"model": "o3", "thinking": False}]}))
    assert call.deployments == (Deployment("azure/gpt-5.1", "azure", frozenset({"low"})),)
    assert call.groups["other"] == (Deployment("o3", "openai", None, thinking=False),)


def test_a_group_without_deployments_is_taken_for_the_model_itself() -> None:
    call = parse_proxy_call(envelope(request={"model": "gemini/gemini-2.5-pro"}))
    assert call.deployments == (Deployment("gemini/gemini-2.5-pro", "gemini"),)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"call_type": "aembedding"}, "call_type"),
        ({"call_type": ["acompletion"]}, "call_type"),
        ({"request": "secret"}, "request"),
        ({"request": {"messages": []}}, "names no model"),
        ({"request": {"model": 7}}, "names no model"),
        ({"groups": []}, "groups"),
        ({"groups": {"g": {}}}, "groups['g']"),
        ({"groups": {"g": [{"api_key": "secret"}]}}, "litellm_params.model"),
        ({"groups": {"g": ["secret"]}}, "litellm_params.model"),
    ],
)
def test_a_bad_envelope_is_refused_by_the_part(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse_proxy_call(envelope(**changes))
    assert named in str(refused.value)
    assert "secret" not in str(refused.value)
