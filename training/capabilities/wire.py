"""Derives the switch of a row, which is the form on the wire, from its host, its family and the sources' own words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from serving.decision.providers.capabilities import Switch
from training.capabilities.merge import Merged

_BY_HOST: Mapping[str, Switch] = {
    "xai": "plain_effort",
    "mistral": "plain_effort",
    "cerebras": "plain_effort",
    "cohere": "plain_effort",
    "perplexity": "plain_effort",
    "deepseek": "thinking_type",
    "zai": "thinking_type",
    "xiaomi": "thinking_type",
    "dashscope": "enable_thinking",
    "siliconflow": "enable_thinking",
    "siliconflow-cn": "enable_thinking",
    "together": "reasoning_enabled",
}
_ANTHROPIC_HOSTS = ("anthropic", "azure", "bedrock", "vertex", "databricks")
_BY_WIRE: Mapping[str, Switch] = {
    "openai": "plain_effort",
    "responses": "plain_effort",
    "zai": "thinking_type",
    "deepseek": "thinking_type",
    "kimi": "thinking_type",
    "qwen": "enable_thinking",
    "qwen-chat-template": "template_enable_thinking",
    "openrouter": "reasoning_object",
    "together": "reasoning_enabled",
    "baseten": "template_args",
}
_BY_PATH: tuple[tuple[str, Switch], ...] = (
    ("chat_template_kwargs.enable_thinking", "template_enable_thinking"),
    ("chat_template_kwargs.thinking", "template_thinking"),
    ("enable_thinking", "enable_thinking"),
    ("thinking.type", "thinking_type"),
    ("reasoning_effort", "plain_effort"),
    ("reasoning.effort", "plain_effort"),
)
_OPENAI_FAMILY = re.compile(r"gpt(?!-oss)|chatgpt|codex|o[134](?:-|$)|computer-use")


def switch_of(row: Merged, adaptive: Collection[str]) -> Switch:
    """Give the switch of a row, before it is known whether its efforts leave a choice.

    Parameters
    ----------
    adaptive
        Keys of the Claude models whose thinking is adaptive at their maker.
    """
    if row.host in ("openrouter", "vercel"):
        return "reasoning_object"
    if row.key.startswith("claude") and (row.host in _ANTHROPIC_HOSTS or _speaks(row, "anthropic")):
        return "anthropic_adaptive" if row.key in adaptive or _speaks(row, "anthropic-adaptive") else "anthropic_budget"
    if row.key.startswith("gemini") and row.host in ("google", "vertex"):
        return "gemini_budget" if row.key.startswith(("gemini2", "gemini-flash", "gemini-pro")) else "gemini_level"
    if row.host == "google":
        return "gemini_level" if row.efforts else "fixed"
    if _OPENAI_FAMILY.match(row.key) and row.host in ("openai", "azure", "github-copilot"):
        return "openai_effort"
    return _by_host(row)


def _by_host(row: Merged) -> Switch:
    if row.host == "groq":
        return "groq_effort" if row.efforts is not None and set(row.efforts) <= {"high"} else "plain_effort"
    if row.host == "moonshot":
        return "plain_effort" if row.efforts and len(row.efforts) > 1 else "thinking_type"
    if row.host in ("together", "fireworks", "baseten") and row.key.startswith("gpt-oss"):
        return "plain_effort"
    if row.host == "bedrock":
        return "bedrock" if row.key.startswith("nova") else "plain_effort" if row.key.startswith("gpt-oss") else "fixed"
    if row.host in ("vertex", "minimax"):
        return "fixed"
    if row.host in _BY_HOST:
        return _BY_HOST[row.host]
    for wire in row.wires:
        if wire.startswith("anthropic"):
            return "fixed"  # a Messages dialect of somebody else's, whose words are not known
        found = _BY_WIRE.get(wire) or next((switch for path, switch in _BY_PATH if path in wire), None)
        if found is not None:
            return found
    return "plain_effort" if row.efforts else "fixed"


def _speaks(row: Merged, word: str) -> bool:
    return bool(row.wires) and row.wires[0].startswith(word)
