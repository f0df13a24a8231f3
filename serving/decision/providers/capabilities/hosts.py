"""Hosts: who serves a model, under the names that clients, gateways and data sources give it.

The same model takes different parameters at different hosts, so a look-up needs one: as the caller names it, as the
model's name shows it (`groq/...`, `us.anthropic....`), else the model's maker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from serving.decision.providers.capabilities.model_names import row_key

OWN_SERVER = "vllm"
"""Host of models that somebody serves themselves: vLLM, SGLang and their like."""

NORMALISING = frozenset({"openrouter", "vercel"})
"""Hosts that take one form of effort for all models and translate it."""


def host_name(name: str) -> str:
    """Give the registry's spelling of a host.

    Examples
    --------
    >>> host_name("vertex_ai-anthropic_models"), host_name("DashScope"), host_name("somewhere")
    ('vertex', 'dashscope', 'somewhere')
    """
    plain = name.lower().replace("_", "-").removesuffix("-chat").removesuffix(".ai")
    return _SPELLINGS.get(plain, "vertex" if plain.startswith("vertex-ai-") else plain)


def host_of(model: str) -> str:
    """Give the host that a model's name points at; empty where it points at none.

    Examples
    --------
    >>> host_of("groq/openai/gpt-oss-120b"), host_of("Qwen/Qwen3-32B"), host_of("claude-opus-4-5"), host_of("my-model")
    ('groq', 'vllm', 'anthropic', '')
    """
    first = model.partition("/")[0] if "/" in model else ""
    key = row_key(model)
    maker = _maker(key)
    if model.startswith("projects/") or "/publishers/" in model:
        return "vertex"
    if model.startswith("arn:aws") or _BEDROCK.match(model.rpartition("/")[2]):
        return "bedrock"
    if model.startswith("accounts/fireworks/"):
        return "fireworks"
    if first in _WEIGHTS or key.startswith(_WEIGHT_FAMILIES):
        if first and host_name(first) in _SERVERS:
            return host_name(first)
        if first in _WEIGHTS or not first or host_name(first) == maker or first == "openai":
            return OWN_SERVER
    known = host_name(first) if first else ""
    return known if known in _SERVERS or known in _MAKERS.values() else maker


def _maker(key: str) -> str:
    if _OPEN_QWEN.match(key):
        return OWN_SERVER
    return next((maker for start, maker in _MAKERS.items() if key.startswith(start)), "")


_OPEN_QWEN = re.compile(r"qwen3(?:-\d)?-(?:\w+-)*?\d+(?:-\d+)?b(?:-|$)")
_BEDROCK = re.compile(
    r"(?:(?:us|eu|apac|jp|au|ca|sa|in|me|af|us-gov|global)\.)?"
    r"(?:anthropic|amazon|meta|deepseek|openai|qwen|moonshotai|moonshot|minimax|zai|nvidia|mistral|xai|google|writer)\.[a-z]"
)
_WEIGHTS = frozenset(
    {
        "Qwen",
        "deepseek-ai",
        "ibm-granite",
        "zai-org",
        "MiniMaxAI",
        "mistralai",
        "meta-llama",
        "XiaomiMiMo",
        "hosted_vllm",
    }
)
_WEIGHT_FAMILIES = ("gpt-oss", "granite", "gemma", "llama", "nemotron")
_MAKERS: Mapping[str, str] = MappingProxyType(
    {
        "gpt": "openai",
        "chatgpt": "openai",
        "codex": "openai",
        "computer-use": "openai",
        "o1": "openai",
        "o3": "openai",
        "o4": "openai",
        "claude": "anthropic",
        "gemini": "google",
        "grok": "xai",
        "glm": "zai",
        "kimi": "moonshot",
        "minimax": "minimax",
        "qwen": "dashscope",
        "qwq": "dashscope",
        "qvq": "dashscope",
        "deepseek": "deepseek",
        "mistral": "mistral",
        "magistral": "mistral",
        "ministral": "mistral",
        "codestral": "mistral",
        "devstral": "mistral",
        "nova": "bedrock",
        "command": "cohere",
        "mimo": "xiaomi",
        "muse": "meta",
        "sonar": "perplexity",
    }
)
_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "gemini": "google",
        "google-ai-studio": "google",
        "google-vertex": "vertex",
        "google-vertex-anthropic": "vertex",
        "vertex-ai": "vertex",
        "vertex-ai-beta": "vertex",
        "amazon-bedrock": "bedrock",
        "bedrock-converse": "bedrock",
        "bedrock-mantle": "bedrock",
        "azure-ai": "azure",
        "azure-openai": "azure",
        "azure-text": "azure",
        "azure-cognitive-services": "azure",
        "moonshotai": "moonshot",
        "z-ai": "zai",
        "zhipuai": "zai",
        "alibaba": "dashscope",
        "qwencloud": "dashscope",
        "qwen": "dashscope",
        "x-ai": "xai",
        "mistralai": "mistral",
        "together-ai": "together",
        "togetherai": "together",
        "fireworks-ai": "fireworks",
        "novita-ai": "novita",
        "vercel-ai-gateway": "vercel",
        "nvidia-nim": "nvidia",
        "hf": "huggingface",
        "hosted-vllm": OWN_SERVER,
        "sglang": OWN_SERVER,
        "lm-studio": OWN_SERVER,
        "local": OWN_SERVER,
        "nanogpt": "nano-gpt",
        "opencode-zen": "opencode",
        "xiaomi-mimo": "xiaomi",
        "minimaxai": "minimax",
        "github-models": "github",
        "deepseek-ai": "deepseek",
        "meta-llama": "meta",
        "cohere-chat": "cohere",
    }
)
_SERVERS = frozenset(
    {
        "groq", "cerebras", "together", "fireworks", "openrouter", "vercel", "azure", "bedrock", "vertex", "novita",
        "deepinfra", "huggingface", "baseten", "nvidia", "databricks", "siliconflow", "github-copilot", "sambanova",
        "nebius", "github", "ollama", "ollama-cloud", "chutes", "opencode", "opencode-go", "venice", OWN_SERVER,
    }
)  # fmt: skip
