"""Endpoint formats: by URL path, by name, and by what only one provider's body holds."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.errors import BadRequest
from serving.decision.providers.endpoints import Endpoint, detect_api, parse_api_name, parse_path


@pytest.mark.parametrize(
    ("path", "api", "model"),
    [
        ("/v1/chat/completions", "chat", None),
        ("/v1/chat/completions/?stream=1", "chat", None),
        ("/openai/deployments/prod/chat/completions?api-version=1", "chat", "prod"),
        ("/v1/responses", "responses", None),
        ("/v1/messages", "messages", None),
        ("/v1/models/gemini-3-pro:streamGenerateContent", "gemini", "gemini-3-pro"),
    ],
)
def test_paths_of_model_calls(path: str, api: Any, model: str | None) -> None:
    assert parse_path(path) == Endpoint(api, model)


@pytest.mark.parametrize("path", ["/v1/embeddings", "/v1/messages/count_tokens", "/", "/v1/models/x:countTokens"])
def test_other_paths_are_no_model_calls(path: str) -> None:
    assert parse_path(path) is None


@pytest.mark.parametrize(
    ("body", "api"),
    [
        ({"messages": [{"role": "user", "content": "hi"}]}, "chat"),
        ({"messages": [], "stream_options": {}, "system": "x"}, "chat"),
        ({"messages": [], "system": "Be brief."}, "messages"),
        ({"messages": [], "reasoning": {"effort": "low"}}, "openrouter"),
        ({"input": [], "model": "gpt-5.1"}, "responses"),
        ({"contents": []}, "gemini"),
    ],
)
def test_a_body_tells_its_format(body: dict[str, Any], api: str) -> None:
    assert detect_api(body) == api


def test_what_is_no_model_call_is_refused() -> None:
    with pytest.raises(BadRequest, match="send the body of a model call as it is"):
        detect_api({"prompt": "hi"})


def test_names_are_aliases_and_unknown_ones_are_listed() -> None:
    assert parse_api_name("anthropic") == parse_api_name("messages") == "messages"
    with pytest.raises(BadRequest, match="openrouter"):
        parse_api_name("cohere")
