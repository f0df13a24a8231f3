"""Validates bodies against the vendors' own types: the SDKs of OpenAI, Anthropic and Google."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from anthropic.types import message_create_params
from anthropic.types.beta import BetaContextManagementConfigParam
from google.genai import types
from openai.types.chat import completion_create_params
from openai.types.responses import response_create_params
from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

_EXTENSIONS: dict[str, frozenset[str]] = {
    # Sampling went from the types of the SDK in 2.x; the API still takes it for models to 4.6.
    "anthropic": frozenset({"context_management", "temperature", "top_k", "top_p"}),
    "deepseek": frozenset({"thinking"}),
    "moonshot": frozenset({"thinking"}),
    "dashscope": frozenset({"enable_thinking", "thinking_budget"}),
    "zai": frozenset({"thinking"}),
    "vllm": frozenset({"chat_template_kwargs", "top_k"}),
    "openrouter": frozenset({"reasoning"}),
}
"""Keys that a host documents beside OpenAI's."""
_TURN_EXTENSIONS = frozenset({"reasoning_content", "reasoning_details"})


def schema_error(host: str, api: str, body: dict[str, Any]) -> str | None:
    """Give the first thing that the vendor's types refuse of a body; None where they take it."""
    try:
        if api == "gemini":
            return _check_gemini(body)
        adapter, keys = _adapter("chat" if api == "openrouter" else api)
        if api == "messages" and "context_management" in body:
            beta, _ = _adapter("beta")
            _exhaust(beta.validate_python({"context_management": body["context_management"]}))
        unknown = set(body) - keys - _EXTENSIONS.get(host, frozenset())
        if unknown:
            return f"unknown keys {sorted(unknown)}"
        checked = {key: value for key, value in body.items() if key in keys}
        if api in ("chat", "openrouter"):
            checked["messages"] = [
                {key: value for key, value in turn.items() if key not in _TURN_EXTENSIONS} for turn in body["messages"]
            ]
        _exhaust(adapter.validate_python(checked))
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return None


def _exhaust(value: Any) -> None:
    """Walk a validated value: pydantic checks the items of an iterable only when they are asked for."""
    if isinstance(value, dict):
        for inner in value.values():
            _exhaust(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            _exhaust(inner)


@cache
def _adapter(api: str) -> tuple[TypeAdapter[Any], frozenset[str]]:
    kind: Any
    if api == "chat":
        kind = completion_create_params.CompletionCreateParamsNonStreaming
    elif api == "responses":
        kind = response_create_params.ResponseCreateParamsNonStreaming
    elif api == "messages":
        kind = message_create_params.MessageCreateParamsNonStreaming
    else:
        kind = _BetaMessages
    return TypeAdapter(kind), frozenset(kind.__annotations__)


class _BetaMessages(TypedDict, total=False):
    """What of Anthropic's beta is used beside the messages format."""

    context_management: BetaContextManagementConfigParam


def _check_gemini(body: dict[str, Any]) -> str | None:
    parts: dict[str, Any] = {
        "contents": list[types.Content],
        "generationConfig": types.GenerationConfig,
        "generation_config": types.GenerationConfig,
        "systemInstruction": types.Content,
        "tools": list[types.Tool],
        "toolConfig": types.ToolConfig,
    }
    unknown = set(body) - set(parts)
    if unknown:
        return f"unknown keys {sorted(unknown)}"
    for key, value in body.items():
        _gemini_part(key, parts[key]).validate_python(value)
    return None


@cache
def _gemini_part(key: str, kind: Any) -> TypeAdapter[Any]:
    del key
    return TypeAdapter(kind)
