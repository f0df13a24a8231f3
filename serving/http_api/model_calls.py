"""Answers model calls that were sent to this server by mistake: it decides about them, it does not make them."""

from __future__ import annotations

import re
from typing import Final

from serving.http_api.asgi import Receive, Scope, Send, answer_problem
from serving.schemas import NOT_FOUND, Problem

_COLLECTIONS: Final = (
    "chat|completions|responses|embeddings|messages|complete|models|moderations|images|audio|videos|realtime|files"
    "|uploads|batches|fine_tuning|vector_stores|conversations|assistants|threads|evals|containers|rerank|generate"
)
_PATHS: Final = (
    # OpenAI and Anthropic, at any base path: /v1/chat/completions, /chat/completions, /openai/v1/responses.
    re.compile(rf"^(/[\w.-]+){{0,3}}?/({_COLLECTIONS})(/|$)"),
    # Gemini and Vertex: /v1beta/models/MODEL:generateContent.
    re.compile(r"/models/[^/]+:\w+$"),
    # Azure, Bedrock, Ollama.
    re.compile(r"^/openai/deployments/|^/model/[^/]+/(invoke|converse)|^/api/(chat|generate|tags|embed)"),
)


def is_model_call(path: str) -> bool:
    """Tell whether a URL path is one that provider SDKs call, and none of thinkgate's own.

    Examples
    --------
    >>> is_model_call("/v1/chat/completions"), is_model_call("/v1beta/models/gemini-2.5-flash:generateContent")
    (True, True)
    >>> is_model_call("/v1/model"), is_model_call("/v1/decisions/models"), is_model_call("/v1/rewrite")
    (False, False, False)
    """
    if path.startswith(("/v1/decisions", "/v1/model/", "/v1/webhooks/")):
        return False
    return any(pattern.search(path) for pattern in _PATHS)


async def answer_model_call(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 404 with what to do instead; needs no key, since the one that was sent is the provider's."""
    detail = (
        f"{scope['method']} {scope['path'][:200]} is a model call, and thinkgate-server decides about calls without"
        " making them: start `thinkgate gateway --upstream URL` with your provider's base URL and use the address that"
        " it prints as base_url; or send the body to POST /v1/rewrite, and what comes back to your provider"
    )
    await answer_problem(Problem(NOT_FOUND, detail), receive, send)
