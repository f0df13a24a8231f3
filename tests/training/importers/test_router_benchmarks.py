"""RouterBench and RouterArena in their public layouts."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.support.importer_rows import (
    calls,
    kinds,
    lines,
    outcome,
)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_routerbench_has_one_call_a_model(tmp_path: Path, ending: str) -> None:
    wide = pd.DataFrame(
        {
            "sample_id": ["mbpp.1", "mmlu.2"],
            "prompt": ["['Write a function.']", "['It''s', 'two turns']"],
            "eval_name": ["mbpp", "mmlu"],
            "gpt-4": [1.0, None],
            "claude-v1": [0.5, 0.0],
            "gpt-4|model_response": ["a", "b"],
            "gpt-4|total_cost": [0.01, 0.02],
            "claude-v1|total_cost": [0.001, 0.002],
            "oracle_model_to_route_to": ["x", "y"],
        }
    )
    path = tmp_path / f"a.{ending}"
    wide.to_csv(path, index=False) if ending == "csv" else wide.to_parquet(path)
    found = calls("routerbench", path)
    assert sorted(kinds(found)) == ["mapped", "mapped", "mapped", "no score"]
    row = outcome(found[0])
    assert (row["prompt"], row["prompt_id"], row["task"]) == ("Write a function.", "mbpp.1", "mbpp")
    assert {"gpt-4": 0.01, "claude-v1": 0.001}[row["arm"]] == row["cost_usd"]


def test_pickles_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "routerbench_0shot.pkl").write_bytes(b"x")
    with pytest.raises(Exception, match="a pickle can run any code"):
        calls("routerbench", tmp_path / "routerbench_0shot.pkl")


def test_routerarena_results_and_predictions(tmp_path: Path) -> None:
    cached = {
        "global_index": "AIME_112", "question": "How many?", "llm_selected": "m", "success": True,
        "token_usage": {"input_tokens": 349, "output_tokens": 120},
        "evaluation_result": {"score": 1.0, "inference_cost": 0.0002},
    }  # fmt: skip
    (call, failed, open_) = calls(
        "routerarena",
        lines(tmp_path / "a.jsonl", [cached, cached | {"success": False}, cached | {"evaluation_result": None}]),
    )
    assert outcome(call) == {
        "request_id": "AIME_112|m", "prompt_id": "AIME_112", "prompt": "How many?", "arm": "m", "success": 1.0,
        "input_tokens": 349, "output_tokens": 120, "cost_usd": 0.0002, "model": "m", "task": "AIME",
    }  # fmt: skip
    assert kinds([failed, open_]) == ["call failed", "no score"]
    predicted = {
        "global index": "AIME_1", "prompt": "How many?", "prediction": "m", "accuracy": 0.0, "cost": 0.1,
        "generated_result": {"success": True, "token_usage": {"input_tokens": 3, "output_tokens": 4}},
    }  # fmt: skip
    (tmp_path / "b.json").write_text(json.dumps([predicted], indent=2))
    (call,) = calls("routerarena", tmp_path / "b.json")
    assert (outcome(call)["success"], outcome(call)["output_tokens"]) == (0.0, 4)
