"""Imports Langfuse observations and traces (table, API or blob storage export: JSON, JSONL, CSV).

Only observations of type GENERATION are model calls. Success is the score named by `--success NAME`, on the
observation or on its trace. Tokens: Langfuse sums all usage keys that begin with `input`, and with `output`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from serving.decision.providers import client_effort
from training.importers.base import Call, ImportOptions, RefusedRow, arm_of, first_known, json_object, map_row
from training.importers.streams import SourceRow, rows_of
from training.records import OutcomeRecord, Unmappable, chat_text, instant, label, number


def langfuse(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import observations and traces."""
    for source_row in rows_of(path, ("data",)):
        if isinstance(source_row, RefusedRow):
            yield source_row
            continue
        observations = source_row.row.get("observations")
        if (
            not isinstance(observations, list)
            or not observations
            or not all(isinstance(item, Mapping) for item in observations)
        ):
            yield _call(source_row, source_row.row, {}, options)
            continue
        trace = json_object(source_row.row.get("trace")) or {
            key: source_row.row[key] for key in source_row.row if key != "observations"
        }
        trace = trace | {"scores": first_known(source_row.row.get("scores"), trace.get("scores"))}
        for observation in observations:
            yield _call(source_row, observation, trace, options)


def _call(source_row: SourceRow, row: Mapping[str, Any], trace: Mapping[str, Any], options: ImportOptions) -> Call:
    return map_row(source_row.source, source_row.line, row, lambda: _outcome(row, trace, options))


def _outcome(row: Mapping[str, Any], trace: Mapping[str, Any], options: ImportOptions) -> OutcomeRecord:
    kind = label(row.get("type"))
    if kind is None and isinstance(row.get("observations"), list):
        raise Unmappable("trace without observations", "a trace names no model: export observations, or whole traces")
    if kind is None or kind.upper() != "GENERATION":
        raise Unmappable("not a model call", f"type is {(kind or 'not given')[:40]}: only GENERATION is a model call")
    if str(row.get("level", "")).upper() == "ERROR":
        status_message = str(_get(row, "statusMessage", "status_message") or "").lower()
        if "timeout" not in status_message and "timed out" not in status_message:
            raise Unmappable("call failed", "level is ERROR: a broken call is no outcome of the arm")
        timed_out = True
    else:
        timed_out = False
    parameters = json_object(_get(row, "modelParameters", "model_parameters"))
    model = label(_get(row, "providedModelName", "provided_model_name", "model"))
    started, ended = (instant(_get(row, *names)) for names in (("startTime", "start_time"), ("endTime", "end_time")))
    tokens = json_object(_get(row, "usageDetails", "usage_details")) or json_object(row.get("usage"))
    costs = json_object(_get(row, "costDetails", "cost_details"))
    request = _request(row.get("input"))
    return OutcomeRecord(
        request_id=label(row.get("id")),
        prompt=request if isinstance(request, str) else None,
        messages=None if isinstance(request, str) else chat_text(request),
        arm=arm_of(model, client_effort(parameters, "chat"), options.arms),
        success=0.0 if timed_out else _score(options.success, row, trace),
        propensity=_metadata_number(row, trace, options.propensity),
        input_tokens=_tokens(tokens, "input", "prompt_tokens"),
        cached_input_tokens=_part(tokens, "input", "cache"),
        output_tokens=_tokens(tokens, "output", "completion_tokens"),
        reasoning_tokens=_part(tokens, "output", "reasoning"),
        cost_usd=number(
            first_known(costs.get("total"), _get(row, "calculatedTotalCost", "totalCost", "total_cost")), "cost"
        ),
        latency_ms=(ended - started) * 1000 if started is not None and ended is not None else None,
        failure_mode="timeout" if timed_out else None,
        model=model,
        task=label(row.get("name")),
        tenant=label(first_known(_get(row, "userId", "user_id"), trace.get("userId"))),
        session_id=label(first_known(_get(row, "sessionId", "session_id"), trace.get("sessionId"))),
        timestamp=started,
    )


def _get(row: Mapping[str, Any], *names: str) -> Any:
    """Return a field that the API names in camelCase and the blob export in snake_case."""
    return first_known(*(row.get(name) for name in names))


def _request(content: Any) -> Any:
    """Find messages in an observation's input: a list of turns, an object that has them, or a text."""
    if isinstance(content, str) and content.lstrip()[:1] in ("{", "["):
        found = json_object(content)
        content = found or content
    if isinstance(content, Mapping):
        content = first_known(content.get("messages"), content.get("input"), content.get("prompt"))
    if isinstance(content, str) and content.lstrip().startswith("["):
        chat_text(content)  # a list that is no list of turns is refused
        return orjson.loads(content)
    return content


def _tokens(tokens: Mapping[str, Any], side: str, raw: str) -> float | None:
    if raw in tokens:
        return number(tokens[raw], raw)
    found = [
        number(value, key) for key, value in tokens.items() if key.startswith(side) and not isinstance(value, dict)
    ]
    return sum(value for value in found if value is not None) if found else None


def _part(tokens: Mapping[str, Any], side: str, what: str) -> float | None:
    details = json_object(tokens.get("completion_tokens_details" if side == "output" else "prompt_tokens_details"))
    if details:
        return number(details.get("reasoning_tokens" if side == "output" else "cached_tokens"), what)
    found = [
        number(value, key)
        for key, value in tokens.items()
        if key.startswith(side) and what in key and "creation" not in key
    ]
    return sum(value for value in found if value is not None) if found else None


def _score(name: str | None, row: Mapping[str, Any], trace: Mapping[str, Any]) -> float | None:
    """Find a score by name: a list of score objects, or an object of values (or lists of them) by name."""
    if name is None:
        return None
    for holder, own in ((row, True), (trace, False)):
        scores = holder.get("scores")
        if isinstance(scores, Mapping) or (isinstance(scores, str) and json_object(scores)):
            value = json_object(scores).get(name)
            value = value[-1] if isinstance(value, list) and value else value
            if value is not None and value != []:
                return number(value, f"score {name}")
        for score in scores if isinstance(scores, list) else ():
            about = _get(score, "observationId", "observation_id")
            if score.get("name") == name and (own or about in (None, row.get("id"))):
                return number(first_known(score.get("value"), score.get("stringValue")), f"score {name}")
    return None


def _metadata_number(row: Mapping[str, Any], trace: Mapping[str, Any], name: str | None) -> float | None:
    if name is None:
        return None
    return number(
        first_known(json_object(row.get("metadata")).get(name), json_object(trace.get("metadata")).get(name)), name
    )
