"""Reads a provider's request body into what the kernel decides about: whose shape it has, the turns, the client's wish.

Only what the model reads is read; nothing is required of a body beyond that, and nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from serving.decision.conversation import MAX_MESSAGES, clean, from_prompt, parse_messages
from serving.decision.errors import BadRequest
from serving.decision.providers.client_intent import Api, body_in_tool_loop, client_effort
from serving.decision.providers.endpoints import detect, has, kind_of
from serving.decision.providers.gateway_headers import NO_HINTS, GatewayHints
from serving.decision.providers.json_patch import Json
from serving.decision.types import Message, Request


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """A provider's body, read.

    Parameters
    ----------
    api
        Its shape.
    model
        The model that the client asked for: the body's own, else the path's; None where neither names one.
    request
        What to decide about.
    tool_loop
        The last turn answers a tool call.
    """

    api: Api
    model: str | None
    request: Request
    tool_loop: bool


def parse_body(
    body: Mapping[str, Json], api: Api | None = None, *, model: str | None = None, hints: GatewayHints = NO_HINTS
) -> ParsedBody:
    """Read a body.

    Parameters
    ----------
    body
        As the client sent it; it is left untouched.
    api
        Its shape; detected where None.
    model
        The model that the URL names, for bodies that do not.
    hints
        What the gateway says beside it.

    Raises
    ------
    BadRequest
        There is no conversation in it, or a part of it has another form than the provider's; the place is named, the
        text never quoted.
    """
    shape = detect(body) if api is None else api
    named = body.get("model")
    target = named if isinstance(named, str) and named else model
    request = Request(
        messages=_READERS[shape](body),
        model=None if target is None else clean(target),
        tenant=hints.tenant,
        session_id=hints.session_id,
        task=hints.task,
        deadline_ms=hints.deadline_ms,
        value_of_success_usd=hints.value_of_success_usd,
        max_cost_usd=hints.max_cost_usd,
        client_effort=client_effort(body, shape),
        tools=_tools(body),
    )
    return ParsedBody(shape, target, request, body_in_tool_loop(body, shape))


def _chat(body: Mapping[str, Json]) -> tuple[Message, ...]:
    raw = body.get("messages")
    return parse_messages(raw[-MAX_MESSAGES:] if isinstance(raw, list) else raw)


def _responses(body: Mapping[str, Json]) -> tuple[Message, ...]:
    told, raw = body.get("instructions"), body.get("input")
    first = [Message("system", clean(told))] if isinstance(told, str) and told else []
    if isinstance(raw, str):
        return (*first, *from_prompt(raw))
    items = [_item(item, f"input[{place}]") for place, item in _numbered(raw, "input")]
    return (*first, *parse_messages([item for item in items if item is not None]))


def _item(item: Json, where: str) -> Json:
    """Give an item of `input` as a chat message; None for one that says nothing."""
    if not isinstance(item, dict):
        raise BadRequest(f"{where} must be an object")
    kind = item.get("type", "message")
    if kind == "message":
        return item
    if isinstance(kind, str) and kind.endswith("_call_output"):
        said = item.get("output")
        return {"role": "tool", "content": said if isinstance(said, str | list) else None}
    if isinstance(kind, str) and kind.endswith("_call"):
        return {"role": "assistant", "content": None, "tool_calls": [{}]}
    return None


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
        results = [part for part in content if kind_of(part) == "tool_result"]
        calls: list[Json] = [{} for part in content if kind_of(part) in ("tool_use", "server_tool_use")]
        said = [part for part in content if kind_of(part) not in ("tool_result", "tool_use", "server_tool_use")]
        if said or calls:
            turns.append({"role": turn.get("role"), "content": said, "tool_calls": calls})
        # Last, whatever the order of the parts: the model is in the middle of its work.
        turns += [{"role": "tool", "content": part.get("content")} for part in results if isinstance(part, dict)]
    return parse_messages(turns)


def _gemini(body: Mapping[str, Json]) -> tuple[Message, ...]:
    turns: list[Json] = []
    told = body.get("systemInstruction", body.get("system_instruction"))
    if isinstance(told, dict):
        turns.append({"role": "system", "content": _texts(told.get("parts"))})
    raw = body.get("contents")
    for place, turn in _numbered([raw] if isinstance(raw, dict) else raw, "contents"):
        if not isinstance(turn, dict):
            raise BadRequest(f"contents[{place}] must be an object with role and parts")
        parts = turn.get("parts")
        kept = parts if isinstance(parts, list) else [parts]
        calls: list[Json] = [{} for part in kept if has(part, "functionCall", "function_call")]
        answers = [part for part in kept if has(part, "functionResponse", "function_response")]
        said = _texts(parts)
        role = {"model": "assistant"}.get(str(turn.get("role", "user")), "user")
        if said or calls:
            turns.append({"role": role, "content": said, "tool_calls": calls})
        if answers:
            turns.append({"role": "tool", "content": None})
    return parse_messages(turns)


def _texts(parts: Json) -> list[Json]:
    """Give Gemini's parts as chat parts; thoughts and function calls are left out, data is counted."""
    found: list[Json] = []
    for part in parts if isinstance(parts, list) else [parts]:
        if not isinstance(part, dict) or part.get("thought") is True:
            continue
        if isinstance(part.get("text"), str):
            found.append({"type": "text", "text": part["text"]})
        elif has(part, "inlineData", "inline_data", "fileData", "file_data"):
            found.append({"type": "image_url"})
    return found


_READERS: Mapping[Api, Callable[[Mapping[str, Json]], tuple[Message, ...]]] = MappingProxyType(
    {"chat": _chat, "openrouter": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
)


def _numbered(raw: Json, where: str) -> list[tuple[int, Json]]:
    """Give the newest items with their places."""
    if not isinstance(raw, list):
        raise BadRequest(f"{where} must be a list")
    return list(enumerate(raw))[-MAX_MESSAGES // 2 :]


def _tools(body: Mapping[str, Json]) -> int:
    tools = body.get("tools", body.get("functions"))
    if not isinstance(tools, list):
        return 0
    declared = [
        tool.get("functionDeclarations", tool.get("function_declarations")) if isinstance(tool, dict) else None
        for tool in tools
    ]
    return sum(len(names) if isinstance(names, list) else 1 for names in declared)
