"""Imports LiteLLM logs: `LiteLLM_SpendLogs` (JSON, CSV, Parquet) and callbacks (`StandardLoggingPayload`, JSONL).

Spend logs hold prompts only where the proxy has `store_prompts_in_spend_logs: true`. Neither has a success:
`--success KEY` names the key of your own metadata that holds it. A failed call is no outcome of its arm, unless it
timed out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from serving.decision.pricing import BadUsage, Usage, usage_from_anthropic, usage_from_openai
from serving.decision.providers import client_effort
from training.importers.base import Call, ImportOptions, RefusedRow, arm_of, first_known, json_object, map_row
from training.importers.streams import rows_of
from training.records import OutcomeRecord, Unmappable, chat_text, instant, label, number

_CALL_TYPES = ("completion", "acompletion", "text_completion", "atext_completion", "responses", "aresponses",
          "anthropic_messages", "aanthropic_messages", "")  # fmt: skip


def spend_logs(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import spend logs."""
    return _rows(path, options, _from_spend_log)


def callbacks(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import callback payloads; a line may also hold the payload under `standard_logging_object`."""
    return _rows(path, options, _from_payload)


def _rows(path: Path, options: ImportOptions, read: Any) -> Iterator[Call]:
    for source_row in rows_of(path, ("data", "logs")):
        if isinstance(source_row, RefusedRow):
            yield source_row
            continue
        row = json_object(source_row.row.get("standard_logging_object")) or source_row.row
        yield map_row(source_row.source, source_row.line, row, partial(read, row, options))


def _from_spend_log(row: Mapping[str, Any], options: ImportOptions) -> OutcomeRecord:
    if "request_id" not in row or "call_type" not in row:
        raise Unmappable("unexpected shape", "no request_id or call_type: is this an export of LiteLLM_SpendLogs?")
    metadata, request = json_object(row.get("metadata")), json_object(row.get("proxy_server_request"))
    response = json_object(row.get("response"))
    timed_out = _is_timeout(row, metadata, str(first_known(row.get("status"), metadata.get("status"), "success")))
    if not timed_out and not response and number(row.get("completion_tokens"), "completion_tokens") == 0:
        raise Unmappable("no answer", "no output tokens and no response: the call brought nothing")
    usage = _usage(first_known(response.get("usage"), metadata.get("usage_object")), row)
    started, ended = instant(row.get("startTime")), instant(row.get("endTime"))
    user_metadata = (
        json_object(metadata.get("spend_logs_metadata"))
        | json_object(metadata.get("requester_metadata"))
        | json_object(request.get("metadata"))
    )
    return _outcome(
        row,
        options,
        request_id=label(first_known(row.get("litellm_call_id"), row["request_id"])),
        messages=first_known(
            *map(_stored_messages, (row.get("messages"), request.get("messages"), request.get("input")))
        ),
        effort=client_effort(request, "chat"),
        usage=usage,
        cost=number(row.get("spend"), "spend"),
        latency=(ended - started) * 1000 if started is not None and ended is not None else None,
        started=started,
        user_metadata=user_metadata,
        metadata=metadata,
        timed_out=timed_out,
    )


def _from_payload(row: Mapping[str, Any], options: ImportOptions) -> OutcomeRecord:
    if "id" not in row or "call_type" not in row:
        raise Unmappable("unexpected shape", "no id or call_type: is this a StandardLoggingPayload?")
    metadata, response = json_object(row.get("metadata")), json_object(row.get("response"))
    timed_out = _is_timeout(row, row, str(first_known(row.get("status"), "success")))
    started, ended = number(row.get("startTime"), "startTime"), number(row.get("endTime"), "endTime")
    user_metadata = json_object(metadata.get("spend_logs_metadata")) | json_object(metadata.get("requester_metadata"))
    return _outcome(
        row,
        options,
        request_id=label(first_known(row.get("litellm_call_id"), row["id"])),
        messages=_stored_messages(row.get("messages")),
        effort=client_effort(json_object(row.get("model_parameters")), "chat"),
        usage=_usage(first_known(response.get("usage"), metadata.get("usage_object")), row),
        cost=number(row.get("response_cost"), "response_cost"),
        latency=(ended - started) * 1000 if started is not None and ended is not None else None,
        started=started,
        user_metadata=user_metadata,
        metadata=metadata,
        timed_out=timed_out,
    )


def _outcome(
    row: Mapping[str, Any],
    options: ImportOptions,
    *,
    request_id: str | None,
    messages: Any,
    effort: str | None,
    usage: Usage | None,
    cost: float | None,
    latency: float | None,
    started: float | None,
    user_metadata: Mapping[str, Any],
    metadata: Mapping[str, Any],
    timed_out: bool,
) -> OutcomeRecord:
    text = messages if isinstance(messages, str) and not messages.lstrip().startswith("[") else None
    model = label(first_known(row.get("model_group"), row.get("model")))
    success = number(user_metadata.get(options.success), "success") if options.success else None
    return OutcomeRecord(
        request_id=request_id,
        prompt=text,
        messages=None if text else chat_text(messages),
        arm=arm_of(model, effort, options.arms),
        success=0.0 if timed_out else success,
        propensity=number(user_metadata.get(options.propensity), "propensity") if options.propensity else None,
        input_tokens=usage.input_tokens if usage else None,
        cached_input_tokens=usage.cached_input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        reasoning_tokens=usage.reasoning_tokens if usage else None,
        cost_usd=None if timed_out else cost,
        latency_ms=None if latency is None else max(latency, 0.0),
        retries=number(metadata.get("attempted_retries"), "attempted_retries"),
        failure_mode="timeout" if timed_out else None,
        model=label(row.get("model")),
        tenant=label(first_known(row.get("team_id"), metadata.get("user_api_key_team_id"), row.get("end_user"))),
        session_id=label(first_known(row.get("session_id"), row.get("trace_id"))),
        timestamp=started,
    )


def _stored_messages(messages: Any) -> Any:
    """Return logged messages; None where the proxy stores none. Prompts that the proxy truncated are rejected."""
    if "litellm_truncated" in str(messages):
        raise Unmappable("prompt cut off", "LiteLLM cut the prompt: raise MAX_STRING_LENGTH_PROMPT_IN_DB on the proxy")
    return None if messages in ("{}", "[]", "", "null", "redacted-by-litellm") or messages in ({}, []) else messages


def _is_timeout(row: Mapping[str, Any], holder: Mapping[str, Any], status: str) -> bool:
    """Return whether the call timed out; other failures, cache hits and other call types are rejected."""
    if str(first_known(row.get("call_type"), "")) not in _CALL_TYPES:
        raise Unmappable(
            "not a chat call", f"call_type is {str(row['call_type'])[:40]}: only chats and completions count"
        )
    if str(row.get("cache_hit")).lower() == "true":
        raise Unmappable("answered from a cache", "LiteLLM's cache answered: no arm was called")
    if status == "success":
        return False
    error_info = json_object(
        holder.get("error_information")
    )  # its traceback has the word timeout in any case: it is not read
    error = f"{error_info.get('error_class')} {error_info.get('error_message')} {holder.get('error_str')}".lower()
    if "timeout" in error or "timed out" in error:
        return True
    raise Unmappable("call failed", "the provider refused or broke the call: that is no outcome of the arm")


def _usage(usage: Any, row: Mapping[str, Any]) -> Usage | None:
    fields = json_object(usage)
    if not fields.get("prompt_tokens") and not fields.get("input_tokens"):
        fields = {key: _integer(row.get(key)) for key in ("prompt_tokens", "completion_tokens")}
        if not fields["prompt_tokens"]:
            return None
    try:
        if "cache_read_input_tokens" in fields and "prompt_tokens" not in fields:
            return usage_from_anthropic(fields)
        return usage_from_openai({key: value for key, value in fields.items() if value is not None})
    except BadUsage as error:
        raise Unmappable("tokens contradict", str(error)) from None


def _integer(value: Any) -> int | None:
    fields = number(value, "tokens")
    return None if fields is None else int(fields)
