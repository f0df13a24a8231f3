"""Hosts: what authority and path of a URL tell, and how a caller names one."""

from __future__ import annotations

import pytest

from serving.decision.errors import BadRequest
from serving.decision.providers.hosts import _DOMAINS, find_host, parse_host
from serving.decision.types import HOSTS


@pytest.mark.parametrize(
    ("authority", "path", "host"),
    [
        ("openrouter.ai", "/api/v1/chat/completions", "openrouter"),
        ("api.groq.com:443", "/openai/v1/chat/completions", "groq"),
        ("dashscope-intl.aliyuncs.com", "/compatible-mode/v1/chat/completions", "dashscope"),
        ("api.deepseek.com", "/anthropic/v1/messages", "deepseek"),
        ("generativelanguage.googleapis.com", "/v1beta/openai/chat/completions", "google"),
        ("acme-eu.openai.azure.com", "/openai/deployments/x/chat/completions", "azure"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "/model/x/converse", "bedrock"),
        ("vpce-1a-bedrock-runtime.us-east-1.vpce.amazonaws.com", "/model/x/converse", "bedrock"),
        ("us-central1-aiplatform.googleapis.com", "/v1/projects/p/locations/l/publishers/google/models/m:x", "vertex"),
        ("aiplatform.googleapis.com", "/v1/projects/p", "vertex"),
        ("api.together.xyz", "/v1/chat/completions", "together"),
        ("API.X.AI", "/v1/responses", "xai"),
        ("user@api.moonshot.ai", "/v1/chat/completions", "moonshot"),
        ("notopenrouter.ai", "/api/v1/chat/completions", ""),
        ("openrouter.ai.evil.example", "/api/v1/chat/completions", ""),
        ("gateway.internal", "/openai/deployments/chat-prod/chat/completions", "azure"),
        ("10.0.0.1:8000", "/v1/chat/completions", ""),
        ("", "", ""),
    ],
)
def test_a_url_tells(authority: str, path: str, host: str) -> None:
    assert find_host(authority, path) == host


def test_every_domain_leads_to_a_known_host() -> None:
    assert {host for _, host in _DOMAINS} <= set(HOSTS)


@pytest.mark.parametrize(
    ("said", "host"),
    [
        ("openrouter", "openrouter"),
        (" Vertex_AI ", "vertex"),
        ("api.groq.com", "groq"),
        ("https://api.deepseek.com/anthropic", "deepseek"),
        ("http://llm.internal:8000/v1", ""),
    ],
)
def test_a_caller_names_it(said: str, host: str) -> None:
    assert parse_host(said) == host


@pytest.mark.parametrize("said", ["nobody", "llm.internal", ""])
def test_an_unknown_name_is_an_error_that_says_which_are_known(said: str) -> None:
    with pytest.raises(BadRequest, match="openrouter"):
        parse_host(said)
