"""Imports public router benchmarks: RouterBench (one row per prompt, Parquet or CSV), RouterArena (a row per call)."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from training.importers.base import Call, ImportOptions, RefusedRow, arm_of, first_known, json_object, map_row
from training.importers.streams import rows_of
from training.records import OutcomeRecord, Unmappable, label, number

_COST: Final = "|total_cost"


def routerbench(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import RouterBench: each model that has a cost column is one call of its row."""
    for source_row in rows_of(path):
        if isinstance(source_row, RefusedRow):
            yield source_row
            continue
        models = [name.removesuffix(_COST) for name in source_row.row if name.endswith(_COST)]
        if not models:
            reason = f"no column MODEL{_COST}: is this RouterBench?"
            yield RefusedRow(source_row.source, source_row.line, "unexpected shape", reason, source_row.row)
        for model in models:
            row = source_row.row
            yield map_row(
                source_row.source,
                source_row.line,
                _routerbench_cell(row, model),
                partial(_routerbench_record, row, model, options),
            )


def _routerbench_cell(row: Mapping[str, Any], model: str) -> dict[str, Any]:
    return {name: row.get(name) for name in ("sample_id", "prompt", "eval_name", model, model + _COST)}


def _routerbench_record(row: Mapping[str, Any], model: str, options: ImportOptions) -> OutcomeRecord:
    name = label(row["sample_id"])
    success = number(row.get(model), "score")
    if success is None:
        raise Unmappable("no score", f"{model} has no score for this prompt")
    return OutcomeRecord(
        request_id=f"{name}|{model}",
        prompt_id=name,
        prompt=_prompt(row["prompt"]),
        arm=arm_of(model, None, options.arms),
        success=success,
        cost_usd=number(row[model + _COST], "cost"),
        model=model,
        task=label(row.get("eval_name")),
    )


def _prompt(text: str) -> str:
    """Parse a RouterBench prompt, the repr of a list of texts."""
    if text.startswith("["):
        try:
            parts = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text
        return "\n\n".join(map(str, parts)) if isinstance(parts, list) else text
    return text


def routerarena(path: Path, options: ImportOptions) -> Iterator[Call]:
    """Import RouterArena: cached results (JSONL) and evaluated prediction files (JSON)."""
    for source_row in rows_of(path):
        if isinstance(source_row, RefusedRow):
            yield source_row
            continue
        row = source_row.row
        yield map_row(source_row.source, source_row.line, row, partial(_routerarena_record, row, options))


def _routerarena_record(row: Mapping[str, Any], options: ImportOptions) -> OutcomeRecord:
    generated, evaluation = json_object(row.get("generated_result")) or row, json_object(row.get("evaluation_result"))
    name = label(first_known(row.get("global_index"), row.get("global index")))
    model = label(first_known(row.get("llm_selected"), row.get("prediction")))
    if name is None:
        raise Unmappable("unexpected shape", "no global_index: is this a result or prediction file of RouterArena?")
    if generated.get("success") is False:
        raise Unmappable("call failed", "the call failed: that is no outcome of the arm")
    success = number(first_known(evaluation.get("score"), row.get("accuracy")), "score")
    if success is None:
        raise Unmappable("no score", "the answer was not evaluated: run RouterArena's llm_evaluation first")
    tokens = json_object(generated.get("token_usage"))
    return OutcomeRecord(
        request_id=f"{name}|{model}",
        prompt_id=name,
        prompt=first_known(row.get("question"), row.get("prompt")),
        arm=arm_of(model, None, options.arms),
        success=success,
        input_tokens=number(tokens.get("input_tokens"), "input_tokens"),
        output_tokens=number(tokens.get("output_tokens"), "output_tokens"),
        cost_usd=number(first_known(evaluation.get("inference_cost"), row.get("cost")), "cost"),
        model=model,
        task=name.rpartition("_")[0] or None,
    )
