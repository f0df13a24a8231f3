"""What the gateways send on, by provider: what is not known to pass is not set."""

from __future__ import annotations

import pytest

from serving.decision.types import HOSTS
from serving.http_api.webhooks.forwarding import _PORTKEY, Forwarding, plano_forwarding, portkey_forwarding


@pytest.mark.parametrize(
    ("request_type", "provider", "host", "words"),
    [
        ("chatComplete", "openai", "", {"reasoning_effort"}),
        ("chatComplete", "x-ai", "xai", {"reasoning_effort"}),
        ("chatComplete", "anthropic", "anthropic", {"thinking"}),
        ("chatComplete", "openrouter", "openrouter", {"reasoning", "reasoning_effort"}),
        ("messages", "vertex-ai", "vertex", {"thinking"}),
        ("chatComplete", "google", "", set()),  # Portkey makes a thinking level of an effort, which Gemini 2.5 refuses
        ("chatComplete", "mistral-ai", "", set()),
        ("chatComplete", ["openai"], "", set()),
        ("messages", None, "", set()),
    ],
)
def test_portkey_by_provider(request_type: str, provider: object, host: str, words: set[str]) -> None:
    found = portkey_forwarding(request_type, provider)
    assert found is not None
    assert found.host == host
    assert found.keys - {"max_tokens", "max_completion_tokens"} == words


@pytest.mark.parametrize("request_type", ["embed", "complete", "", None, ["chatComplete"], 7])
def test_portkey_calls_that_are_no_chat(request_type: object) -> None:
    assert portkey_forwarding(request_type, "openai") is None


def test_every_host_of_portkey_is_one_that_the_rules_know() -> None:
    assert {found.host for found in _PORTKEY.values()} <= {"", *HOSTS}


@pytest.mark.parametrize(
    ("path", "model", "host", "words"),
    [
        ("/v1/chat/completions", "gpt-5.1", "", {"reasoning_effort"}),
        ("/v1/chat/completions", "openai/gpt-5.1", "", {"reasoning_effort"}),
        ("/v1/chat/completions", "azure_openai/gpt-5.1", "azure", {"reasoning_effort"}),
        ("/v1/chat/completions", "moonshotai/kimi-k3", "moonshot", {"reasoning_effort"}),
        ("/v1/chat/completions", "amazon_bedrock/openai.gpt-oss-120b", "bedrock", set()),
        ("/v1/messages", "anthropic/claude-sonnet-4-5", "anthropic", {"thinking"}),
        ("/v1/messages", "claude-sonnet-4-5", "", {"thinking"}),
        ("/v1/messages", "zhipu/glm-4.6", "zai", set()),  # Plano makes a chat call of it, without `thinking`
        ("/v1/messages", "glm-4.6", "", set()),
        ("/v1/responses", "openai/gpt-5.1", "", set()),  # its type of a request has no `reasoning`
        ("/v1/responses", "someone/else", "", set()),
    ],
)
def test_plano_by_path_and_provider(path: str, model: str, host: str, words: set[str]) -> None:
    found = plano_forwarding(path, model)
    assert found is not None
    assert found.host == host
    assert found.keys - {"max_tokens", "max_completion_tokens"} == words


@pytest.mark.parametrize("path", ["/v1/embeddings", "/", "", "/v1/chat/completions/../x", "/healthz"])
def test_plano_calls_that_are_no_chat(path: str) -> None:
    assert plano_forwarding(path, "openai/gpt-5.1") is None


def test_of_an_unlisted_provider_nothing_is_known() -> None:
    assert Forwarding("chat").keys == frozenset()
