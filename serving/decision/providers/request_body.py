"""Parses a provider's request body into a `Request`: its endpoint format, its turns and the client's explicit effort.

Only what the model reads is parsed; nothing else is required of a body, and nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from serving.decision.conversation import MAX_MESSAGES, clean, from_prompt, parse_messages
from serving.decision.errors import BadRequest
from serving.decision.providers.client_intent import body_in_tool_loop, client_effort
from serving.decision.providers.client_session import body_session, previous_reply
from serving.decision.providers.endpoints import Api, detect_api, has_key, part_type
from serving.decision.providers.gateway_headers import NO_GATEWAY_HEADERS, GatewayHeaders
from serving.decision.providers.inband_effort import takes_effort_in_band
from serving.decision.providers.json_patch import Json
from serving.decision.providers.targets import target_capability
from serving.decision.types import Message, Request


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """A parsed request body.

    Parameters
    ----------
    api
        Its endpoint format.
    model
        The requested model: the body's, else the path's; None where neither names one.
    request
        The request to decide.
    tool_loop
        The last turn is a tool result.
    host
        Who serves the call: one of `HOSTS`; empty where that is not known.
    """

    api: Api
    model: str | None
    request: Request
    tool_loop: bool
    host: str = ""


def parse_body(
    body: Mapping[str, Json],
    api: Api | None = None,
    *,
    model: str | None = None,
    headers: GatewayHeaders = NO_GATEWAY_HEADERS,
    host: str = "",
    sets_headers: bool = False,
) -> ParsedBody:
    """Parse a body.

    Parameters
    ----------
    body
        As the client sent it; not modified.
    api
        Its endpoint format; detected where None.
    model
        The model in the URL, for bodies without one.
    headers
        The gateway headers of the call.
    host
        Who serves the call: one of `HOSTS`; empty where that is not known.
    sets_headers
        The caller can add a header to the call, as a change of effort inside an Anthropic conversation needs one.

    Raises
    ------
    BadRequest
        It contains no conversation, or a part that the format does not have; the place is named, the text never quoted.
    """
    body_api = detect_api(body) if api is None else api
    named = body.get("model")
    target = named if isinstance(named, str) and named else model
    tool_loop = body_in_tool_loop(body, body_api)
    capability = None if target is None else target_capability(target, body_api, host=host)
    request = Request(
        messages=_PARSERS[body_api](body),
        model=None if target is None else clean(target),
        tenant=headers.tenant,
        session_id=headers.session_id or body_session(body),
        task=headers.task,
        deadline_ms=headers.deadline_ms,
        value_of_success_usd=headers.value_of_success_usd,
        max_cost_usd=headers.max_cost_usd,
        client_effort=client_effort(body, body_api),
        tools=_tools(body),
        previous_reply=previous_reply(body),
        loop_is_open_to_change=tool_loop and capability is not None and capability.changes_in_loop,
        effort_in_band=capability is not None
        and takes_effort_in_band(capability, body_api)
        and (sets_headers or body_api == "responses")
        and not (body.get("previous_response_id") or body.get("conversation")),
        max_output_tokens=_output_limit(body),
    )
    return ParsedBody(body_api, target, request, tool_loop, host)


def _chat(body: Mapping[str, Json]) -> tuple[Message, ...]:
    raw = body.get("messages")
    return parse_messages(raw[-MAX_MESSAGES:] if isinstance(raw, list) else raw)


def _responses(body: Mapping[str, Json]) -> tuple[Message, ...]:
    instructions, raw = body.get("instructions"), body.get("input")
    first = [Message("system", clean(instructions))] if isinstance(instructions, str) and instructions else []
    if isinstance(raw, str):
        return (*first, *from_prompt(raw))
    items = [_item(item, f"input[{place}]") for place, item in _numbered(raw, "input")]
    return (*first, *parse_messages([item for item in items if item is not None]))


def _item(item: Json, where: str) -> Json:
    """Convert an item of `input` to a chat message; None for one without content."""
    if not isinstance(item, dict):
        raise BadRequest(f"{where} must be an object")
    kind = item.get("type", "message")
    if kind == "message":
        return item
    if isinstance(kind, str) and kind.endswith("_call_output"):
        content_parts = item.get("output")
        return {"role": "tool", "content": content_parts if isinstance(content_parts, str | list) else None}
    if isinstance(kind, str) and kind.endswith("_call"):
        return {"role": "assistant", "content": None, "tool_calls": [{}]}
    return None


_TOOL_PARTS = ("tool_result", "tool_use", "server_tool_use")


def _messages(body: Mapping[str, Json]) -> tuple[Message, ...]:
    turns: list[Json] = []
    if body.get("system"):
        turns.append({"role": "system", "content": body["system"]})
    for place, turn in _numbered(body.get("messages"), "messages"):
        if not isinstance(turn, dict):
            raise BadRequest(f"messages[{place}] must be an object with role and content")
        content = turn.get("content")
        if not isinstance(content, list):
            turns.append(turn)
            continue
        results = [part for part in content if part_type(part) == "tool_result"]
        # Tools that the provider runs itself leave no loop open.
        calls: list[Json] = [{} for part in content if part_type(part) == "tool_use"]
        content_parts = [part for part in content if part_type(part) not in _TOOL_PARTS]
        if content_parts or calls:
            turns.append({"role": turn.get("role"), "content": content_parts, "tool_calls": calls})
        # Last, whatever the order of the parts: the tool loop is open.
        turns += [{"role": "tool", "content": part.get("content")} for part in results if isinstance(part, dict)]
    return parse_messages(turns)


def _gemini(body: Mapping[str, Json]) -> tuple[Message, ...]:
    turns: list[Json] = []
    instructions = body.get("systemInstruction", body.get("system_instruction"))
    if isinstance(instructions, dict):
        turns.append({"role": "system", "content": _texts(instructions.get("parts"))})
    raw = body.get("contents")
    for place, turn in _numbered([raw] if isinstance(raw, dict) else raw, "contents"):
        if not isinstance(turn, dict):
            raise BadRequest(f"contents[{place}] must be an object with role and parts")
        parts = turn.get("parts")
        kept = parts if isinstance(parts, list) else [parts]
        calls: list[Json] = [{} for part in kept if has_key(part, "functionCall", "function_call")]
        answers = [part for part in kept if has_key(part, "functionResponse", "function_response")]
        content_parts = _texts(parts)
        role = {"model": "assistant"}.get(str(turn.get("role", "user")), "user")
        if content_parts or calls:
            turns.append({"role": role, "content": content_parts, "tool_calls": calls})
        if answers:
            turns.append({"role": "tool", "content": None})
    return parse_messages(turns)


def _converse(body: Mapping[str, Json]) -> tuple[Message, ...]:
    turns: list[Json] = []
    if isinstance(body.get("system"), list):
        turns.append({"role": "system", "content": _texts(body["system"])})
    for place, turn in _numbered(body.get("messages"), "messages"):
        if not isinstance(turn, dict):
            raise BadRequest(f"messages[{place}] must be an object with role and content")
        parts = turn.get("content")
        calls: list[Json] = [{} for part in parts if has_key(part, "toolUse")] if isinstance(parts, list) else []
        content_parts = _texts(parts)
        if content_parts or calls:
            turns.append({"role": turn.get("role"), "content": content_parts, "tool_calls": calls})
        if isinstance(parts, list) and any(has_key(part, "toolResult") for part in parts):
            turns.append({"role": "tool", "content": None})
    return parse_messages(turns)


def _cohere(body: Mapping[str, Json]) -> tuple[Message, ...]:
    raw = body.get("messages")
    return parse_messages([_without_thinking(turn) for turn in raw[-MAX_MESSAGES:]] if isinstance(raw, list) else raw)


def _without_thinking(turn: Json) -> Json:
    content = turn.get("content") if isinstance(turn, dict) else None
    if not isinstance(turn, dict) or not isinstance(content, list):
        return turn
    return {**turn, "content": [part for part in content if part_type(part) != "thinking"]}


def _texts(parts: Json) -> list[Json]:
    """Convert Gemini's parts to chat parts; thoughts and function calls are omitted, data counts as an image."""
    found: list[Json] = []
    for part in parts if isinstance(parts, list) else [parts]:
        if not isinstance(part, dict) or part.get("thought") is True:
            continue
        if isinstance(part.get("text"), str):
            found.append({"type": "text", "text": part["text"]})
        elif has_key(part, "inlineData", "inline_data", "fileData", "file_data", *_CONVERSE_FILES):
            found.append({"type": "image_url"})
    return found


_CONVERSE_FILES = ("image", "document", "video", "audio")
_PARSERS: Mapping[Api, Callable[[Mapping[str, Json]], tuple[Message, ...]]] = MappingProxyType(
    {
        "chat": _chat,
        "openrouter": _chat,
        "responses": _responses,
        "messages": _messages,
        "gemini": _gemini,
        "converse": _converse,
        "cohere": _cohere,
    }
)


def _numbered(raw: Json, where: str) -> list[tuple[int, Json]]:
    """Give the last items with their indices."""
    if not isinstance(raw, list):
        raise BadRequest(f"{where} must be a list")
    return list(enumerate(raw))[-MAX_MESSAGES // 2 :]


def _output_limit(body: Mapping[str, Json]) -> int | None:
    """Give the client's own limit on output tokens, whatever the endpoint calls it."""
    settings = body.get("generationConfig", body.get("generation_config"))
    for place in (body, settings if isinstance(settings, dict) else {}):
        for key in _OUTPUT_LIMITS:
            limit = place.get(key)
            if isinstance(limit, int) and not isinstance(limit, bool):
                return limit
    return None


_OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")


def _tools(body: Mapping[str, Json]) -> int:
    tools = body.get("tools", body.get("functions"))
    config = body.get("toolConfig")
    if isinstance(config, dict):
        tools = config.get("tools")
    if not isinstance(tools, list):
        return 0
    first = tools[0] if tools else None
    if isinstance(first, dict) and ("function" in first or "input_schema" in first):
        return len(tools)  # only Gemini declares several functions in one
    declared = [
        tool.get("functionDeclarations", tool.get("function_declarations")) if isinstance(tool, dict) else None
        for tool in tools
    ]
    return sum(len(names) if isinstance(names, list) else 1 for names in declared)
