"""The question to the server: a call's texts and parameters; no media, tool arguments, keys or objects of LiteLLM."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

CALL_TYPES: Final = frozenset({"completion", "acompletion", "anthropic_messages", "responses", "aresponses"})
"""LiteLLM's names of the calls that are decided on."""

PARAMETERS: Final = frozenset(
    """
    model messages input instructions system prompt n stream stream_options user previous_response_id prompt_cache_key
    max_tokens max_completion_tokens max_output_tokens temperature top_p top_k min_p presence_penalty frequency_penalty
    repetition_penalty logit_bias logprobs top_logprobs seed stop stop_sequences verbosity text response_format
    modalities
    tool_choice parallel_tool_calls function_call web_search_options store background truncation include service_tier
    reasoning_effort reasoning thinking output_config thinking_budget enable_thinking chat_template_kwargs
    chat_template_args reasoning_budget reasoning_summary think prompt_mode include_reasoning extra_body speed
    anthropic_version context_management prediction
    """.split()
)
"""Parameters of a call that are sent; whatever else LiteLLM holds (keys, headers, its own objects) stays."""
_BLANKED: Final = frozenset(
    "url image_url data file_data b64_json arguments partial_json encrypted_content signature file_url audio".split()
)
"""Strings that no rule reads: only whether they are there is sent."""
_SESSION_HEADERS: Final = (
    "x-session-id",
    "session_id",
    "session-id",
    "conversation_id",
    "x-claude-code-session-id",
    "x-litellm-session-id",
    "x-session-affinity",
)
"""Headers in which clients name their session."""
_MAX_DEPTH: Final = 40
_MAX_NAME: Final = 256


def build_question(data: Mapping[str, Any], call_type: str, groups: Mapping[str, Any]) -> bytes:
    """Build the body of the question.

    Parameters
    ----------
    data
        LiteLLM's data of the call.
    call_type
        LiteLLM's name of the call.
    groups
        Deployments by model group.

    Examples
    --------
    >>> build_question({"model": "m", "messages": [], "api_key": "sk-1"}, "acompletion", {})
    b'{"call_type":"acompletion","request":{"model":"m","messages":[]},"groups":{}}'
    """
    request = {name: _plain(value, "", 0) for name, value in data.items() if name in PARAMETERS}
    for name in ("tools", "functions"):
        if isinstance(data.get(name), list):
            request[name] = [_tool(tool) for tool in data[name]]
    own = data.get("metadata") if call_type != "acompletion" else None
    if isinstance(own, Mapping) and isinstance(own.get("user_id"), str):
        request["metadata"] = {"user_id": own["user_id"][:_MAX_NAME]}
    body = {"call_type": call_type, "request": request, "groups": groups}
    return json.dumps(body, separators=(",", ":")).encode()


def context_headers(data: Mapping[str, Any], caller: Any) -> dict[str, str]:
    """Give the headers that go with a question: tenant, session, task and the client's program.

    Parameters
    ----------
    caller
        LiteLLM's user; its team, or else its key's alias, is the tenant.
    """
    metadata = _mapping(data.get("litellm_metadata")) or _mapping(data.get("metadata"))
    requester = _mapping(metadata.get("requester_metadata"))
    client = _mapping(_mapping(data.get("proxy_server_request")).get("headers"))
    said = {
        "x-thinkgate-tenant": getattr(caller, "team_id", None) or getattr(caller, "key_alias", None),
        "x-thinkgate-session-id": data.get("litellm_session_id") or metadata.get("session_id"),
        "x-thinkgate-task": metadata.get("task") or requester.get("task"),
        "x-thinkgate-user-agent": client.get("user-agent"),
        **{name: client.get(name) for name in _SESSION_HEADERS},
    }
    return {name: _printable(value) for name, value in said.items() if isinstance(value, str) and value}


def _plain(value: Any, name: str, depth: int) -> Any:
    """Copy as JSON; what is no JSON becomes null."""
    if isinstance(value, str):
        return "-" if value and name in _BLANKED else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    if depth >= _MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner, str(key), depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner, name, depth + 1) for inner in value]
    dump = getattr(value, "model_dump", None)
    return _plain(dump(), name, depth + 1) if callable(dump) else None


def _tool(tool: Any) -> dict[str, Any]:
    """Keep of a tool what kind it is and its name."""
    tool = _mapping(tool)
    kept: dict[str, Any] = {key: tool[key] for key in ("type", "name") if isinstance(tool.get(key), str)}
    if "input_schema" in tool:
        kept["input_schema"] = {}
    if isinstance(tool.get("function"), Mapping):
        kept["function"] = {"name": str(tool["function"].get("name", ""))[:_MAX_NAME]}
    return kept


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _printable(text: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text[:_MAX_NAME]).strip() or "?"
