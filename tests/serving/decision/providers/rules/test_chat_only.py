"""What is no chat."""

from __future__ import annotations

from typing import Any

import pytest

from serving.decision.providers.capabilities import find_capability
from serving.decision.providers.rules.chat_only import is_chat


@pytest.mark.parametrize(
    "model",
    [
        "gpt-image-1.5", "dall-e-3", "gemini-2.5-flash-image", "gemini-3.1-flash-tts-preview", "gpt-4o-mini-tts",
        "whisper-1", "gpt-4o-transcribe", "gpt-realtime-2.1", "gemini-3.1-flash-live-preview", "text-embedding-3-large",
        "gemini-embedding-001", "imagen-4.0", "qwen3-embedding-8b",
    ],
)  # fmt: skip
def test_models_for_something_else(model: str) -> None:
    assert not is_chat({"messages": []}, find_capability("gpt-5.1"), find_capability(model))


@pytest.mark.parametrize("model", ["gpt-5.1", "o3", "gemini-2.5-flash", "claude-opus-5", "llama-4", "gpt-4o-audio"])
def test_models_that_chat(model: str) -> None:
    assert is_chat({"modalities": ["text"]}, find_capability(model))


@pytest.mark.parametrize(
    "body",
    [
        {"modalities": ["text", "audio"], "audio": {"voice": "x", "format": "wav"}},
        {"generationConfig": {"responseModalities": ["TEXT", "IMAGE"]}},
        {"generation_config": {"response_modalities": ["AUDIO"]}},
        {"generationConfig": {"speechConfig": {}}},
        {"audio": {"voice": "x"}},
    ],
)
def test_bodies_that_ask_for_more_than_text(body: dict[str, Any]) -> None:
    assert not is_chat(body, find_capability("gpt-5.1"))
