"""Hosts: who serves a call, from the authority and path of its URL or from its name.

The same model takes other words at another host. Of a host that is not listed nothing is known: then the model's name
decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from serving.decision.errors import BadRequest
from serving.decision.types import HOSTS

_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "aistudio": "google",
        "alibaba": "dashscope",
        "amazon-bedrock": "bedrock",
        "azure-openai": "azure",
        "gemini": "google",
        "grok": "xai",
        "moonshotai": "moonshot",
        "qwen": "dashscope",
        "togetherai": "together",
        "vertex-ai": "vertex",
        "vertex_ai": "vertex",
        "z.ai": "zai",
        "zhipu": "zai",
    }
)

_DOMAINS: Final[tuple[tuple[str, str], ...]] = (
    ("openrouter.ai", "openrouter"),
    ("ai-gateway.vercel.sh", "vercel"),
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure"),
    ("cognitiveservices.azure.com", "azure"),
    ("services.ai.azure.com", "azure"),
    ("models.ai.azure.com", "azure"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "google"),
    ("aiplatform.googleapis.com", "vertex"),
    ("aiplatform.us.rep.googleapis.com", "vertex"),
    ("aiplatform.eu.rep.googleapis.com", "vertex"),
    ("api.deepseek.com", "deepseek"),
    ("dashscope.aliyuncs.com", "dashscope"),
    ("dashscope-intl.aliyuncs.com", "dashscope"),
    ("dashscope-us.aliyuncs.com", "dashscope"),
    ("maas.aliyuncs.com", "dashscope"),
    ("api.z.ai", "zai"),
    ("open.bigmodel.cn", "zai"),
    ("api.moonshot.ai", "moonshot"),
    ("api.moonshot.cn", "moonshot"),
    ("api.kimi.com", "moonshot"),
    ("api.minimax.io", "minimax"),
    ("api.minimaxi.com", "minimax"),
    ("api.minimax.chat", "minimax"),
    ("api.x.ai", "xai"),
    ("api.mistral.ai", "mistral"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.groq.com", "groq"),
    ("api.cerebras.ai", "cerebras"),
    ("api.together.xyz", "together"),
    ("api.together.ai", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("inference.baseten.co", "baseten"),
    ("integrate.api.nvidia.com", "nvidia"),
    ("api.siliconflow.cn", "siliconflow"),
    ("api.siliconflow.com", "siliconflow"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.novita.ai", "novita"),
    ("router.huggingface.co", "huggingface"),
    ("api.perplexity.ai", "perplexity"),
    ("ark.cn-beijing.volces.com", "volcengine"),
)
"""Domain and host; subdomains (regions, resources) count too."""
_BEDROCK: Final = re.compile(r"(?:^|\.)bedrock-(?:runtime|mantle)(?:-fips)?\.[a-z0-9-]+\.(?:amazonaws\.com|api\.aws)")
_VERTEX_REGION: Final = re.compile(r"^[a-z0-9-]+-aiplatform\.googleapis\.com$")
_PATHS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"/openai/deployments/[^/]+/"), "azure"),
    (re.compile(r"/model/[^/]+/(?:converse|invoke)"), "bedrock"),
    (re.compile(r"/projects/[^/]+/locations/[^/]+/"), "vertex"),
    (re.compile(r"/v1beta/openai/"), "google"),
)


def find_host(authority: str, path: str = "") -> str:
    """Find who serves a call; empty where neither authority nor path tells.

    Parameters
    ----------
    authority
        Of the URL (`:authority`, `host`), with or without a port.

    Examples
    --------
    >>> find_host("eu-west1-aiplatform.googleapis.com:443"), find_host("acme.openai.azure.com")
    ('vertex', 'azure')
    >>> find_host("gateway.internal", "/v1beta/openai/chat/completions"), find_host("gateway.internal", "/v1/messages")
    ('google', '')
    """
    name = authority.strip().lower().rpartition("@")[2]
    name = re.sub(r":\d+$", "", name).rstrip(".")
    if name:
        if _BEDROCK.search(name):
            return "bedrock"
        if _VERTEX_REGION.match(name):
            return "vertex"
        for domain, host in _DOMAINS:
            if name == domain or name.endswith(f".{domain}"):
                return host
    return next((host for pattern, host in _PATHS if pattern.search(path)), "")


def parse_host(text: str) -> str:
    """Read a host as a caller states it: one of the names of `speaks`, or a URL.

    Raises
    ------
    BadRequest
        It is neither.

    Examples
    --------
    >>> parse_host("Groq"), parse_host("https://openrouter.ai/api/v1"), parse_host("https://llm.internal/v1")
    ('groq', 'openrouter', '')
    """
    said = text.strip().lower()
    if "://" in said:
        authority, _, path = said.partition("://")[2].partition("/")
        return find_host(authority, f"/{path}")
    name = _ALIASES.get(said, said)
    if name in HOSTS:
        return name
    found = find_host(said) if "." in said else ""
    if not found:
        raise BadRequest(f"unknown host: use a URL or one of {', '.join(HOSTS)}")
    return found
