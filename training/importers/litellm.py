"""LiteLLM: rows of `LiteLLM_SpendLogs` (JSON, CSV, Parquet), and what callbacks log (`StandardLoggingPayload`, JSONL).

Spend logs hold prompts only where the proxy has `store_prompts_in_spend_logs: true`. Neither holds a success: name the
key of your own metadata that does (`--success KEY`). A call that failed is no outcome of its arm, unless it timed out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from serving.decision.pricing.usage import BadUsage, Usage, usage_from_anthropic, usage_from_openai
from serving.decision.providers.client_intent import client_effort
from training.importers.base import Call, ImportOptions, RefusedRow, arm_of, attempt, first_known, json_object
from training.importers.streams import rows_of
from training.records.outcome_record import OutcomeRecord, Unmappable, chat_text, instant, label, number

_CHATS = ("completion", "acompletion", "text_completion", "atext_completion", "responses", "aresponses",
          "anthropic_messages", "aanthropic_messages", "")  # fmt: skip


def spend_logs(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import spend logs."""
    return _rows(path, options, _from_spend_log)


def callbacks(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import what a callback was given; a line may also hold it under `standard_logging_object`."""
    return _rows(path, options, _from_payload)


def _rows(path: Path, options: ImportOptions, read: Any) -> Iterator[Call]:
    for found in rows_of(path, ("data", "logs")):
        if isinstance(found, RefusedRow):
            yield found
            continue
        row = json_object(found.row.get("standard_logging_object")) or found.row
        yield attempt(found.source, found.line, row, partial(read, row, options))


def _from_spend_log(row: Mapping[str, Any], options: ImportOptions) -> OutcomeRecord:
    if "request_id" not in row or "call_type" not in row:
        raise Unmappable("unexpected shape", "no request_id or call_type: is this an export of LiteLLM_SpendLogs?")
    metadata, asked = json_object(row.get("metadata")), json_object(row.get("proxy_server_request"))
    response = json_object(row.get("response"))
    timed_out = _judge_status(row, metadata, str(first_known(row.get("status"), metadata.get("status"), "success")))
    if not timed_out and not response and number(row.get("completion_tokens"), "completion_tokens") == 0:
        raise Unmappable("no answer", "no output tokens and no response: the call brought nothing")
    usage = _usage(first_known(response.get("usage"), metadata.get("usage_object")), row)
    begun, ended = instant(row.get("startTime")), instant(row.get("endTime"))
    own = (
        json_object(metadata.get("spend_logs_metadata"))
        | json_object(metadata.get("requester_metadata"))
        | json_object(asked.get("metadata"))
    )
    return _outcome(
        row,
        options,
        request_id=label(first_known(row.get("litellm_call_id"), row["request_id"])),
        messages=first_known(_given(row.get("messages")), _given(asked.get("messages")), _given(asked.get("input"))),
        effort=client_effort(asked, "chat"),
        usage=usage,
        cost=number(row.get("spend"), "spend"),
        latency=(ended - begun) * 1000 if begun is not None and ended is not None else None,
        begun=begun,
        own=own,
        metadata=metadata,
        timed_out=timed_out,
    )


def _from_payload(row: Mapping[str, Any], options: ImportOptions) -> OutcomeRecord:
    if "id" not in row or "call_type" not in row:
        raise Unmappable("unexpected shape", "no id or call_type: is this a StandardLoggingPayload?")
    metadata, response = json_object(row.get("metadata")), json_object(row.get("response"))
    timed_out = _judge_status(row, row, str(first_known(row.get("status"), "success")))
    begun, ended = number(row.get("startTime"), "startTime"), number(row.get("endTime"), "endTime")
    own = json_object(metadata.get("spend_logs_metadata")) | json_object(metadata.get("requester_metadata"))
    return _outcome(
        row,
        options,
        request_id=label(first_known(row.get("litellm_call_id"), row["id"])),
        messages=_given(row.get("messages")),
        effort=client_effort(json_object(row.get("model_parameters")), "chat"),
        usage=_usage(first_known(response.get("usage"), metadata.get("usage_object")), row),
        cost=number(row.get("response_cost"), "response_cost"),
        latency=(ended - begun) * 1000 if begun is not None and ended is not None else None,
        begun=begun,
        own=own,
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
    begun: float | None,
    own: Mapping[str, Any],
    metadata: Mapping[str, Any],
    timed_out: bool,
) -> OutcomeRecord:
    text = messages if isinstance(messages, str) and not messages.lstrip().startswith("[") else None
    model = label(first_known(row.get("model_group"), row.get("model")))
    success = number(own.get(options.success), "success") if options.success else None
    return OutcomeRecord(
        request_id=request_id,
        prompt=text,
        messages=None if text else chat_text(messages),
        arm=arm_of(model, effort, options.arms),
        success=0.0 if timed_out else success,
        propensity=number(own.get(options.propensity), "propensity") if options.propensity else None,
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
        timestamp=begun,
    )


def _given(messages: Any) -> Any:
    """Spend logs write `{}` where no prompt is kept; the proxy cuts long ones and says so."""
    if "litellm_truncated" in str(messages):
        raise Unmappable("prompt cut off", "LiteLLM cut the prompt: raise MAX_STRING_LENGTH_PROMPT_IN_DB on the proxy")
    return None if messages in ("{}", "[]", "", "null", "redacted-by-litellm") or messages in ({}, []) else messages


def _judge_status(row: Mapping[str, Any], holder: Mapping[str, Any], status: str) -> bool:
    """Tell whether the call timed out; other failures, cache hits and other kinds of calls are no outcome."""
    if str(first_known(row.get("call_type"), "")) not in _CHATS:
        raise Unmappable(
            "not a chat call", f"call_type is {str(row['call_type'])[:40]}: only chats and completions count"
        )
    if str(row.get("cache_hit")).lower() == "true":
        raise Unmappable("answered from a cache", "LiteLLM's cache answered: no arm was asked")
    if status == "success":
        return False
    told = json_object(
        holder.get("error_information")
    )  # its traceback has the word timeout in any case: it is not read
    error = f"{told.get('error_class')} {told.get('error_message')} {holder.get('error_str')}".lower()
    if "timeout" in error or "timed out" in error:
        return True
    raise Unmappable("call failed", "the provider refused or broke the call: that is no outcome of the arm")


def _usage(usage: Any, row: Mapping[str, Any]) -> Usage | None:
    found = json_object(usage)
    if not found.get("prompt_tokens") and not found.get("input_tokens"):
        found = {key: _whole(row.get(key)) for key in ("prompt_tokens", "completion_tokens")}
        if not found["prompt_tokens"]:
            return None
    try:
        if "cache_read_input_tokens" in found and "prompt_tokens" not in found:
            return usage_from_anthropic(found)
        return usage_from_openai({key: value for key, value in found.items() if value is not None})
    except BadUsage as error:
        raise Unmappable("tokens contradict", str(error)) from None


def _whole(value: Any) -> int | None:
    found = number(value, "tokens")
    return None if found is None else int(found)
