"""OpenTelemetry GenAI spans: OTLP JSON as the collector's file exporter writes it, one request a line or one document.

Read are the `gen_ai.*` attributes of the semantic conventions (`gen_ai.input.messages`, on the span or on its
`gen_ai.client.inference.operation.details` event), and the older forms that are still about: `gen_ai.prompt`,
`gen_ai.prompt.N.content`, and one event a turn. Instruments keep prompts only where they are told to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from training.importers.base import Call, ImportOptions, RefusedRow, arm_of, attempt, first_known
from training.importers.streams import SourceRow, rows_of
from training.records.outcome_record import OutcomeRecord, Unmappable, chat_text, label, number

_CHATS: Final = ("chat", "text_completion", "generate_content", "completion")
_DETAILS: Final = "gen_ai.client.inference.operation.details"
_JUDGED: Final = "gen_ai.evaluation.result"


def spans(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import spans."""
    for found in rows_of(path, ("resourceSpans",)):
        if isinstance(found, RefusedRow):
            yield found
            continue
        inside = list(_spans(found.row))
        if not inside:
            reason = "no spans here: give OTLP JSON with resourceSpans"
            yield RefusedRow(found.source, found.line, "no spans", reason, found.row)
        for span in inside:
            yield _call(found, span, options)


def _spans(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    scopes = first_known(resource.get("scopeSpans"), resource.get("instrumentationLibrarySpans"), [])
    for scope in scopes if isinstance(scopes, list) else ():
        held = scope.get("spans") if isinstance(scope, Mapping) else None
        yield from (span for span in (held if isinstance(held, list) else ()) if isinstance(span, Mapping))


def _call(found: SourceRow, span: Mapping[str, Any], options: ImportOptions) -> Call:
    return attempt(found.source, found.line, span, lambda: _outcome(span, options))


def _outcome(span: Mapping[str, Any], options: ImportOptions) -> OutcomeRecord:
    told = attributes(span.get("attributes"))
    events = [(str(event.get("name")), attributes(event.get("attributes"))) for event in span.get("events") or ()]
    for name, more in events:
        told = more | told if name == _DETAILS else told
    operation = told.get("gen_ai.operation.name")
    if operation is None and "gen_ai.request.model" not in told:
        raise Unmappable("not a model call", "the span has no gen_ai attributes: it is no call of a model")
    if operation is not None and operation not in _CHATS:
        raise Unmappable("not a model call", f"operation is {str(operation)[:40]}: only chats and completions count")
    timed_out = _timed_out(span, told)
    effort = next(
        (value for key, value in told.items() if key.endswith(("reasoning_effort", "reasoning.effort"))), None
    )
    begun, ended = (_nanos(span.get(key)) for key in ("startTimeUnixNano", "endTimeUnixNano"))
    asked, answered = label(told.get("gen_ai.request.model")), label(told.get("gen_ai.response.model"))
    return OutcomeRecord(
        request_id=f"{span['traceId']}-{span['spanId']}",
        messages=chat_text(_messages(told, events)),
        arm=arm_of(first_known(asked, answered), label(effort), options.arms),
        success=0.0 if timed_out else _success(told, events, options.success),
        propensity=number(told.get(options.propensity), options.propensity) if options.propensity else None,
        input_tokens=_tokens(told, "input_tokens", "prompt_tokens"),
        cached_input_tokens=_tokens(told, "cache_read.input_tokens", "cache_read_input_tokens"),
        output_tokens=_tokens(told, "output_tokens", "completion_tokens"),
        reasoning_tokens=_tokens(told, "reasoning.output_tokens", "reasoning_tokens"),
        cost_usd=_tokens(told, "cost"),
        latency_ms=(ended - begun) * 1000 if begun is not None and ended is not None else None,
        failure_mode="timeout" if timed_out else None,
        model=first_known(answered, asked),
        tenant=label(first_known(told.get("user.id"), told.get("enduser.id"))),
        session_id=label(first_known(told.get("gen_ai.conversation.id"), told.get("session.id"))),
        timestamp=begun,
    )


def attributes(given: object) -> dict[str, Any]:
    """Read OTLP attributes.

    Examples
    --------
    >>> attributes([{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}}])
    {'gen_ai.usage.input_tokens': 12}
    """
    return {item["key"]: _value(item.get("value", {})) for item in given} if isinstance(given, list) else {}


def _value(value: Mapping[str, Any]) -> Any:
    """An any-value has one of these; 64-bit numbers are text in JSON."""
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values", ())]
    if "kvlistValue" in value:
        return attributes(value["kvlistValue"].get("values", []))
    return first_known(*(value.get(key) for key in ("stringValue", "boolValue", "doubleValue")))


def _messages(told: Mapping[str, Any], events: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    given = _parsed(first_known(told.get("gen_ai.input.messages"), told.get("gen_ai.prompt")))
    system = _parsed(told.get("gen_ai.system_instructions"))
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    if given is None:
        given = _numbered(told) or _by_event(events)
    turns = [_turn(turn) for turn in given]
    return [{"role": "system", "content": _text(system)}, *turns] if system else turns


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    content = turn.get("content")
    return {"role": turn["role"], "content": _text(turn.get("parts")) if content is None else _text(content)}


def _text(parts: Any) -> str:
    """Join text parts; other parts (tool calls, pictures) have no text."""
    if isinstance(parts, list):
        texts = (
            first_known(part.get("content"), part.get("text"), "") if isinstance(part, Mapping) else part
            for part in parts
        )
        return "\n".join(text if isinstance(text, str) else orjson.dumps(text).decode() for text in texts if text)
    return "" if parts is None else str(parts)


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value


def _numbered(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    while f"gen_ai.prompt.{len(turns)}.content" in told:
        place = f"gen_ai.prompt.{len(turns)}"
        turns.append({"role": told.get(f"{place}.role", "user"), "content": told[f"{place}.content"]})
    return turns


def _by_event(events: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for name, told in events:
        if name == "gen_ai.content.prompt":
            found = _parsed(told.get("gen_ai.prompt"))
            return found if isinstance(found, list) else [{"role": "user", "content": found}]
        role = name.removeprefix("gen_ai.").removesuffix(".message")
        if role in ("system", "user", "assistant", "tool") and "content" in told:
            turns.append({"role": role, "content": told["content"]})
    return turns


def _tokens(told: Mapping[str, Any], *names: str) -> float | None:
    return number(first_known(*(told.get(f"gen_ai.usage.{name}") for name in names)), names[0])


def _success(
    told: Mapping[str, Any], events: Sequence[tuple[str, Mapping[str, Any]]], name: str | None
) -> float | None:
    """A span attribute of that name, or the evaluation event of that name."""
    if name is None:
        return None
    if name in told:
        return number(told[name], name)
    for kind, more in events:
        if kind == _JUDGED and more.get("gen_ai.evaluation.name") == name:
            return number(more.get("gen_ai.evaluation.score.value"), name)
    return None


def _timed_out(span: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    status = span.get("status") or {}
    error = told.get("error.type")
    if error is None and status.get("code") not in (2, "STATUS_CODE_ERROR"):
        return False
    text = f"{error} {status.get('message', '')}".lower()
    if "timeout" in text or "timed out" in text or "timed_out" in text:
        return True
    raise Unmappable("call failed", "the span has an error: a broken call is no outcome of the arm")


def _nanos(value: Any) -> float | None:
    found = number(value, "time")
    return None if found is None else found / 1e9
