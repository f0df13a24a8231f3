"""Usage and cost exports of OpenAI and Anthropic: sums over many calls, so not one row can become a record.

What they can give is said in each reason: the mean tokens of a call by model, for `default_output_tokens` in
`arms.toml` (OpenAI counts requests; Anthropic's report does not).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from training.importers.base import Call, ImportOptions, RefusedRow, first_known
from training.importers.streams import rows_of
from training.records.outcome_record import Unmappable, number

_INSTEAD = (
    "export calls with their prompts instead: gateway logs (litellm-*), traces (otel, langfuse), or `thinkgate collect`"
)


def openai_usage(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Refuse each result of `/v1/organization/usage/*` and `/costs`, or row of the dashboard's CSV."""
    return _refuse(path, options, "OpenAI")


def anthropic_usage(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Refuse each result of the usage report or cost report, or row of the console's CSV, with what it tells."""
    return _refuse(path, options, "Anthropic")


def _refuse(path: Path, options: ImportOptions, provider: str) -> Iterator[Call]:
    del options
    for found in rows_of(path, ("data",)):
        if isinstance(found, RefusedRow):
            yield found
            continue
        results = found.row.get("results")
        for result in results if isinstance(results, list) else [found.row]:
            row = result if isinstance(result, Mapping) else {"result": result}
            kind = "costs of many calls" if _is_cost(row) else "tokens of many calls"
            yield RefusedRow(found.source, found.line, kind, _told(row, provider), row)


def _is_cost(row: Mapping[str, Any]) -> bool:
    return "amount" in row or any("cost" in name.lower() for name in row)


def _told(row: Mapping[str, Any], provider: str) -> str:
    model = str(first_known(row.get("model"), "all models"))[:80]
    try:
        calls = number(first_known(row.get("num_model_requests"), row.get("requests")), "requests")
        tokens = number(row.get("output_tokens"), "output_tokens")
    except Unmappable:
        calls = tokens = None
    mean = ""
    if calls and tokens is not None:
        mean = f"; it tells that {calls:g} calls of {model} had {tokens / calls:.0f} output tokens each, which may go"
        mean += " into arms.toml as default_output_tokens"
    return f"{provider} sums up many calls here, without prompts or outcomes{mean}; {_INSTEAD}"
