"""Langfuse observations and traces, as the API and the blob export write them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.importer_rows import ARMS, ASKED, calls, kinds, lines, observation, outcome


def test_langfuse_observations(tmp_path: Path) -> None:
    rows = [
        observation(scores={"correctness": [1]}),
        observation(id="o2", type="SPAN"),
        observation(id="o3", level="ERROR", statusMessage="boom"),
        {"id": "t1", "name": "a trace", "input": "x", "observations": ["o1"]},
    ]
    found = calls("langfuse", lines(tmp_path / "a.jsonl", rows), arms=ARMS, success="correctness")
    assert kinds(found) == ["mapped", "not a model call", "call failed", "trace without observations"]
    row = outcome(found[0])
    assert (row["input_tokens"], row["cached_input_tokens"]) == (50, 10)
    assert (row["output_tokens"], row["reasoning_tokens"]) == (900, 700)
    assert (row["success"], row["cost_usd"], row["latency_ms"], row["task"]) == (1.0, 0.02, 3000.0, "sums")


def test_langfuse_traces_lend_their_scores_to_their_observations(tmp_path: Path) -> None:
    trace = {
        "id": "t1",
        "userId": "u",
        "sessionId": "s",
        "observations": [observation(), observation(id="o2")],
        "scores": [
            {"name": "ok", "value": 0.5, "observationId": "o2"},
            {"name": "ok", "value": 1, "observationId": None},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps([trace], indent=2))
    one, two = (outcome(call) for call in calls("langfuse", tmp_path / "a.json", success="ok"))
    assert (one["success"], two["success"]) == (1.0, 0.5)
    assert (one["tenant"], one["session_id"], one["arm"]) == ("u", "s", "gpt-5.1@high")


def test_langfuse_blob_export_says_the_same_in_snake_case(tmp_path: Path) -> None:
    row = {
        "id": "o1", "trace_id": "t1", "type": "GENERATION", "start_time": "2026-01-05 10:00:00.000000",
        "end_time": "2026-01-05 10:00:03.000000", "provided_model_name": "gpt-5.1", "input": json.dumps(ASKED),
        "model_parameters": json.dumps({"reasoning_effort": "high"}), "usage_details": {"input": 50, "output": 900},
        "total_cost": 0.02, "user_id": "u", "session_id": "s",
    }  # fmt: skip
    (call,) = calls("langfuse", lines(tmp_path / "a.jsonl", [row]), arms=ARMS)
    assert outcome(call)["output_tokens"] == 900
    assert outcome(call)["latency_ms"] == 3000.0


def test_a_timeout_is_a_failure_of_its_arm(tmp_path: Path) -> None:
    row = observation(level="ERROR", statusMessage="Request timed out.", scores={"ok": 1})
    (call,) = calls("langfuse", lines(tmp_path / "a.jsonl", [row]), arms=ARMS, success="ok")
    assert (outcome(call)["success"], outcome(call)["failure_mode"]) == (0.0, "timeout")


def test_inputs_may_be_text_lists_or_objects_with_messages(tmp_path: Path) -> None:
    inputs = ["What is 17 * 23?", ASKED, {"messages": ASKED}, json.dumps({"messages": ASKED}), json.dumps(ASKED)]
    found = calls("langfuse", lines(tmp_path / "a.jsonl", [observation(input=given) for given in inputs]), arms=ARMS)
    assert outcome(found[0])["prompt"] == "What is 17 * 23?"
    assert [json.loads(outcome(call)["messages"]) for call in found[1:]] == [ASKED] * 4


def test_success_and_propensity_are_never_guessed(tmp_path: Path) -> None:
    row = observation(scores=[{"name": "other", "value": 1}], metadata={"chance": "0.25"})
    path = lines(tmp_path / "a.jsonl", [row])
    (unnamed,) = calls("langfuse", path, arms=ARMS)
    assert not {"success", "propensity"} & set(outcome(unnamed))
    (named,) = calls("langfuse", path, arms=ARMS, success="ok", propensity="chance")
    assert "success" not in outcome(named)
    assert outcome(named)["propensity"] == 0.25
