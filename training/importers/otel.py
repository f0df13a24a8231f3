"""Imports OpenTelemetry GenAI spans from OTLP JSON of the collector's file exporter (JSONL or one document).

Supported are the `gen_ai.*` attributes of the semantic conventions (`gen_ai.input.messages`, on the span or on its
`gen_ai.client.inference.operation.details` event), and older forms: `gen_ai.prompt`, `gen_ai.prompt.N.content`, and one
event a turn. Instrumentation records prompts only where it is configured to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from training.importers.base import Call, ImportOptions, RefusedRow, arm_of, first_known, map_row
from training.importers.streams import SourceRow, rows_of
from training.records import OutcomeRecord, Unmappable, chat_text, label, number

_OPERATIONS: Final = ("chat", "text_completion", "generate_content", "completion")
_DETAILS: Final = "gen_ai.client.inference.operation.details"
_EVALUATION: Final = "gen_ai.evaluation.result"


def spans(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import spans."""
    for source_row in rows_of(path, ("resourceSpans",)):
        if isinstance(source_row, RefusedRow):
            yield source_row
            continue
        model_spans = list(_spans(source_row.row))
        if not model_spans:
            reason = "no spans here: give OTLP JSON with resourceSpans"
            yield RefusedRow(source_row.source, source_row.line, "no spans", reason, source_row.row)
        for span in model_spans:
            yield _call(source_row, span, options)


def _spans(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    scopes = first_known(resource.get("scopeSpans"), resource.get("instrumentationLibrarySpans"), [])
    for scope in scopes if isinstance(scopes, list) else ():
        spans_ = scope.get("spans") if isinstance(scope, Mapping) else None
        yield from (span for span in (spans_ if isinstance(spans_, list) else ()) if isinstance(span, Mapping))


def _call(source_row: SourceRow, span: Mapping[str, Any], options: ImportOptions) -> Call:
    return map_row(source_row.source, source_row.line, span, lambda: _outcome(span, options))


def _outcome(span: Mapping[str, Any], options: ImportOptions) -> OutcomeRecord:
    attrs = attributes(span.get("attributes"))
    events = [(str(event.get("name")), attributes(event.get("attributes"))) for event in span.get("events") or ()]
    for name, event_attrs in events:
        attrs = event_attrs | attrs if name == _DETAILS else attrs
    operation = attrs.get("gen_ai.operation.name")
    if operation is None and "gen_ai.request.model" not in attrs:
        raise Unmappable("not a model call", "the span has no gen_ai attributes: it is no call of a model")
    if operation is not None and operation not in _OPERATIONS:
        raise Unmappable("not a model call", f"operation is {str(operation)[:40]}: only chats and completions count")
    timed_out = _timed_out(span, attrs)
    effort = next(
        (value for key, value in attrs.items() if key.endswith(("reasoning_effort", "reasoning.effort"))), None
    )
    started, ended = (_nanos(span.get(key)) for key in ("startTimeUnixNano", "endTimeUnixNano"))
    request_model, response_model = label(attrs.get("gen_ai.request.model")), label(attrs.get("gen_ai.response.model"))
    return OutcomeRecord(
        request_id=f"{span['traceId']}-{span['spanId']}",
        messages=chat_text(_messages(attrs, events)),
        arm=arm_of(first_known(request_model, response_model), label(effort), options.arms),
        success=0.0 if timed_out else _success(attrs, events, options.success),
        propensity=number(attrs.get(options.propensity), options.propensity) if options.propensity else None,
        input_tokens=_tokens(attrs, "input_tokens", "prompt_tokens"),
        cached_input_tokens=_tokens(attrs, "cache_read.input_tokens", "cache_read_input_tokens"),
        output_tokens=_tokens(attrs, "output_tokens", "completion_tokens"),
        reasoning_tokens=_tokens(attrs, "reasoning.output_tokens", "reasoning_tokens"),
        cost_usd=_tokens(attrs, "cost"),
        latency_ms=(ended - started) * 1000 if started is not None and ended is not None else None,
        failure_mode="timeout" if timed_out else None,
        model=first_known(response_model, request_model),
        tenant=label(first_known(attrs.get("user.id"), attrs.get("enduser.id"))),
        session_id=label(first_known(attrs.get("gen_ai.conversation.id"), attrs.get("session.id"))),
        timestamp=started,
    )


def attributes(value: object) -> dict[str, Any]:
    """Convert OTLP attributes to a dict.

    Examples
    --------
    >>> attributes([{"key": "gen_ai.usage.input_tokens", "value": {"intValue": "12"}}])
    {'gen_ai.usage.input_tokens': 12}
    """
    return {item["key"]: _value(item.get("value", {})) for item in value} if isinstance(value, list) else {}


def _value(value: Mapping[str, Any]) -> Any:
    """Convert an OTLP AnyValue; 64-bit integers are strings in JSON."""
    if "intValue" in value:
        return int(value["intValue"])
    if "arrayValue" in value:
        return [_value(item) for item in value["arrayValue"].get("values", ())]
    if "kvlistValue" in value:
        return attributes(value["kvlistValue"].get("values", []))
    return first_known(*(value.get(key) for key in ("stringValue", "boolValue", "doubleValue")))


def _messages(attrs: Mapping[str, Any], events: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    value = _parsed(first_known(attrs.get("gen_ai.input.messages"), attrs.get("gen_ai.prompt")))
    system = _parsed(attrs.get("gen_ai.system_instructions"))
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    if value is None:
        value = _numbered(attrs) or _by_event(events)
    turns = [_turn(turn) for turn in value]
    return [{"role": "system", "content": _text(system)}, *turns] if system else turns


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    content = turn.get("content")
    return {"role": turn["role"], "content": _text(turn.get("parts")) if content is None else _text(content)}


def _text(parts: Any) -> str:
    """Join the text parts; other parts (tool calls, images) have no text."""
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


def _numbered(attrs: Mapping[str, Any]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    while f"gen_ai.prompt.{len(turns)}.content" in attrs:
        prefix = f"gen_ai.prompt.{len(turns)}"
        turns.append({"role": attrs.get(f"{prefix}.role", "user"), "content": attrs[f"{prefix}.content"]})
    return turns


def _by_event(events: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = []
    for name, attrs in events:
        if name == "gen_ai.content.prompt":
            found = _parsed(attrs.get("gen_ai.prompt"))
            return found if isinstance(found, list) else [{"role": "user", "content": found}]
        role = name.removeprefix("gen_ai.").removesuffix(".message")
        if role in ("system", "user", "assistant", "tool") and "content" in attrs:
            turns.append({"role": role, "content": attrs["content"]})
    return turns


def _tokens(attrs: Mapping[str, Any], *names: str) -> float | None:
    return number(first_known(*(attrs.get(f"gen_ai.usage.{name}") for name in names)), names[0])


def _success(
    attrs: Mapping[str, Any], events: Sequence[tuple[str, Mapping[str, Any]]], name: str | None
) -> float | None:
    """Return the span attribute or the evaluation event of that name."""
    if name is None:
        return None
    if name in attrs:
        return number(attrs[name], name)
    for kind, event_attrs in events:
        if kind == _EVALUATION and event_attrs.get("gen_ai.evaluation.name") == name:
            return number(event_attrs.get("gen_ai.evaluation.score.value"), name)
    return None


def _timed_out(span: Mapping[str, Any], attrs: Mapping[str, Any]) -> bool:
    status = span.get("status") or {}
    error = attrs.get("error.type")
    if error is None and status.get("code") not in (2, "STATUS_CODE_ERROR"):
        return False
    text = f"{error} {status.get('message', '')}".lower()
    if "timeout" in text or "timed out" in text or "timed_out" in text:
        return True
    raise Unmappable("call failed", "the span has an error: a broken call is no outcome of the arm")


def _nanos(value: Any) -> float | None:
    found = number(value, "time")
    return None if found is None else found / 1e9
