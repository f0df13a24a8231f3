"""Hosts are told from a name's prefix, else the maker; open weights belong to somebody's own server."""

from __future__ import annotations

import pytest

from serving.decision.providers.capabilities import host_name, host_of


@pytest.mark.parametrize(
    ("model", "host"),
    [
        ("gpt-5.1", "openai"),
        ("azure/o3", "azure"),
        ("groq/openai/gpt-oss-120b", "groq"),
        ("openai/gpt-oss-120b", "vllm"),
        ("gpt-oss-20b", "vllm"),
        ("us.openai.gpt-oss-120b-1:0", "bedrock"),
        ("Qwen/Qwen3-32B", "vllm"),
        ("qwen3-32b", "vllm"),
        ("qwen3-max", "dashscope"),
        ("deepseek-ai/DeepSeek-V3.1", "vllm"),
        ("deepseek-chat", "deepseek"),
        ("ibm-granite/granite-4.0-h-small", "vllm"),
        ("bedrock/us.anthropic.claude-opus-4-5-20251101-v1:0", "bedrock"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-5-20251101-v1:0", "bedrock"),
        ("projects/p/locations/us/publishers/anthropic/models/claude-opus-4-5", "vertex"),
        ("accounts/fireworks/models/glm-4p6", "fireworks"),
        ("openrouter/anthropic/claude-opus-4.5", "openrouter"),
        ("x-ai/grok-4.3", "xai"),
        ("my-gpt-5.1", ""),
    ],
)
def test_a_name_points_at_a_host(model: str, host: str) -> None:
    assert host_of(model) == host


@pytest.mark.parametrize(
    ("spelt", "host"),
    [
        ("gemini", "google"),
        ("alibaba", "dashscope"),
        ("bedrock_converse", "bedrock"),
        ("vertex_ai-llama_models", "vertex"),
    ],
)
def test_hosts_have_one_spelling(spelt: str, host: str) -> None:
    assert host_name(spelt) == host == host_name(host)
