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
        ("/v1/responses", "responses", None),
        ("/v1/messages", "messages", None),
        ("/v1/models/gemini-3-pro:streamGenerateContent", "gemini", "gemini-3-pro"),
    ],
)
def test_paths_of_model_calls(path: str, api: Any, model: str | None) -> None:
    assert parse_path(path) == Endpoint(api, model)


@pytest.mark.parametrize(
    ("authority", "path", "expect"),
    [
        ("", "/openai/deployments/prod/chat/completions?api-version=1", Endpoint("chat", "prod", "azure")),
        ("openrouter.ai", "/api/v1/chat/completions", Endpoint("openrouter", None, "openrouter")),
        ("openrouter.ai", "/api/v1/responses", Endpoint("responses", None, "openrouter")),
        ("api.deepseek.com", "/anthropic/v1/messages", Endpoint("messages", None, "deepseek")),
        ("generativelanguage.googleapis.com", "/v1beta/openai/chat/completions", Endpoint("chat", None, "google")),
        (
            "bedrock-runtime.us-east-1.amazonaws.com",
            "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
            Endpoint("converse", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "bedrock"),
        ),
        (
            "",
            "/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Aapplication-inference-profile%2Fabc/converse",
            Endpoint("converse", "arn:aws:bedrock:eu:1:application-inference-profile/abc", "bedrock"),
        ),
        ("", "/model/anthropic.claude-3-7-sonnet-20250219-v1:0/invoke",
         Endpoint("messages", "anthropic.claude-3-7-sonnet-20250219-v1:0", "bedrock")),
        ("", "/model/openai.gpt-oss-120b-1:0/invoke", Endpoint("chat", "openai.gpt-oss-120b-1:0", "bedrock")),
        ("", "/model/amazon.titan-embed-text-v2:0/invoke", None),
        (
            "us-east5-aiplatform.googleapis.com",
            "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-opus-4-5@20251101:streamRawPredict",
            Endpoint("messages", "claude-opus-4-5@20251101", "vertex"),
        ),
        (
            "us-central1-aiplatform.googleapis.com",
            "/v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro:generateContent",
            Endpoint("gemini", "gemini-2.5-pro", "vertex"),
        ),
        (
            "aiplatform.googleapis.com", "/v1/projects/p/locations/global/endpoints/openapi/chat/completions",
            Endpoint("chat", None, "vertex"),
        ),
        ("api.cohere.com", "/v2/chat", Endpoint("cohere", None, "cohere")),
    ],
)  # fmt: skip
def test_a_url_tells_format_model_and_host(authority: str, path: str, expect: Endpoint | None) -> None:
    assert parse_path(path, authority) == expect


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
        parse_api_name("smoke")
