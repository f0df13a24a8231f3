"""What Portkey and Plano send, and what they send on: their envelopes, and the settings that they drop.

Read from their sources. Portkey, May 2026: `plugins/default/webhook.ts`, `src/providers/*/chatComplete.ts`,
`anthropic-base/messages.ts`. Plano, August 2026: `brightstaff/src/handlers/agents/pipeline.rs`, `hermesllm/src/apis`.
It shares nothing with `serving.http_api.webhooks.forwarding`.
"""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]

WORDS = {
    "chat_template_kwargs",
    "enable_thinking",
    "extra_body",
    "output_config",
    "reasoning",
    "reasoning_effort",
    "thinking",
    "thinking_budget",
}
_PORTKEY_KEEPS = {
    ("openai", "chatComplete"): {"reasoning_effort"},
    ("anthropic", "messages"): {"thinking"},
}
_PLANO_KEEPS = {"/v1/chat/completions": {"reasoning_effort"}, "/v1/messages": {"thinking"}, "/v1/responses": set[str]()}


def portkey_envelope(
    call: Any, provider: str = "openai", request_type: str = "chatComplete", metadata: Body | None = None
) -> Body:
    """Give what Portkey posts to a webhook before a call."""
    turns = call.get("messages") if isinstance(call, dict) else None
    return {
        "request": {
            "json": call,
            "text": str(turns[-1].get("content")) if turns else "",
            "isStreamingRequest": False,
            "isTransformed": False,
        },
        "response": {"json": {}, "text": "", "statusCode": None, "isTransformed": False},
        "provider": provider,
        "requestType": request_type,
        "metadata": metadata or {},
        "eventType": "beforeRequestHook",
    }


def portkey_sends(call: Body, answer: Body, provider: str = "openai", request_type: str = "chatComplete") -> Body:
    """Give the call that reaches the provider after a webhook's answer."""
    transformed = (answer.get("transformedData") or {}).get("request", {}).get("json")
    kept = _PORTKEY_KEEPS[provider, request_type]
    return {key: value for key, value in (transformed or call).items() if key not in WORDS - kept}


def plano_sends(call: Body, answer: Body, path: str) -> Body:
    """Give the call that reaches the provider after a filter's answer: the model is the one that was asked for."""
    kept = {key: value for key, value in answer.items() if key not in WORDS - _PLANO_KEEPS[path]}
    return {**kept, "model": call["model"]}
