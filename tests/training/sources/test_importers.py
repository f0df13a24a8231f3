"""Each importer on files in the tool's own layout: what is mapped, what is refused, and that nothing is lost."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.types import Arm
from training.history import read
from training.sources.importer import Mapped, Options, Refused
from training.sources.registry import SOURCES, bring

ARMS = (Arm("direct", "gpt-5.1", "none"), Arm("reasoning", "gpt-5.1", "high"))
ASKED = [{"role": "user", "content": "What is 17 * 23?"}]
USAGE = {"prompt_tokens": 50, "completion_tokens": 900, "completion_tokens_details": {"reasoning_tokens": 700}}


def lines(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def calls(source: str, path: Path, **options: Any) -> list[Mapped | Refused]:
    return list(SOURCES[source](path, Options(**options)))


def outcome(call: Mapped | Refused) -> dict[str, Any]:
    assert isinstance(call, Mapped), call
    return call.outcome.row()


def kinds(found: list[Mapped | Refused]) -> list[str]:
    return ["mapped" if isinstance(call, Mapped) else call.kind for call in found]


def spend_log(**more: Any) -> dict[str, Any]:
    row = {
        "request_id": "r1", "call_type": "acompletion", "spend": 0.0091, "prompt_tokens": 50, "completion_tokens": 900,
        "startTime": "2026-01-05T10:00:00.000000+00:00", "endTime": "2026-01-05T10:00:02.500000+00:00",
        "model": "openai/gpt-5.1", "model_group": "gpt-5.1", "metadata": {"status": "success"}, "team_id": "search",
        "cache_hit": "False", "messages": ASKED, "response": {"usage": USAGE}, "session_id": "s", "status": "success",
        "proxy_server_request": {"model": "gpt-5.1", "reasoning_effort": "high", "messages": ASKED},
    }  # fmt: skip
    return row | more


def test_spend_log_becomes_a_record(tmp_path: Path) -> None:
    row = spend_log(metadata={"requester_metadata": {"thumb": True, "chance": 0.25}, "attempted_retries": 1})
    (call,) = calls(
        "litellm-spend-logs", lines(tmp_path / "a.jsonl", [row]), arms=ARMS, success="thumb", propensity="chance"
    )
    assert outcome(call) == {
        "request_id": "r1", "messages": json.dumps(ASKED), "arm": "reasoning", "success": 1.0, "propensity": 0.25,
        "input_tokens": 50, "cached_input_tokens": 0, "output_tokens": 900, "reasoning_tokens": 700,
        "cost_usd": 0.0091, "latency_ms": 2500.0, "retries": 1.0, "model": "openai/gpt-5.1", "tenant": "search",
        "session_id": "s", "timestamp": "2026-01-05T10:00:00+00:00",
    }  # fmt: skip


def test_spend_logs_say_what_they_cannot_map(tmp_path: Path) -> None:
    timeout = {"error_information": {"error_class": "Timeout"}, "status": "failure"}
    rows = [
        spend_log(messages={}, proxy_server_request={"reasoning_effort": "high"}),
        spend_log(call_type="aembedding"),
        spend_log(cache_hit="True"),
        spend_log(
            status="failure",
            metadata={"error_information": {"error_class": "RateLimitError", "traceback": "f(timeout=60)"}},
        ),
        spend_log(status="failure", metadata=timeout),
        spend_log(model_group="o3"),
        spend_log(proxy_server_request={"messages": ASKED}),
        {"some": "other file"},
    ]
    found = calls("litellm-spend-logs", lines(tmp_path / "a.jsonl", rows), arms=ARMS)
    assert kinds(found) == [
        "no prompt", "not a chat call", "answered from a cache", "call failed", "mapped", "no arm for the model",
        "effort not known", "unexpected shape",
    ]  # fmt: skip
    late = outcome(found[4])
    assert (late["success"], late["failure_mode"]) == (0.0, "timeout")
    assert "cost_usd" not in late


def test_spend_logs_as_csv_hold_json_in_their_cells(tmp_path: Path) -> None:
    row = spend_log()
    with (tmp_path / "a.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(
            {name: json.dumps(cell) if isinstance(cell, dict | list) else cell for name, cell in row.items()}
        )
    (call,) = calls("litellm-spend-logs", tmp_path / "a.csv", arms=ARMS)
    assert outcome(call) == outcome(calls("litellm-spend-logs", lines(tmp_path / "b.jsonl", [row]), arms=ARMS)[0])


def payload(**more: Any) -> dict[str, Any]:
    row = {
        "id": "p1",
        "call_type": "acompletion",
        "status": "success",
        "response_cost": 0.01,
        "startTime": 1_700_000_000.0,
        "endTime": 1_700_000_001.5,
        "model": "gpt-5.1",
        "model_group": "gpt-5.1",
        "messages": ASKED,
        "cache_hit": None,
        "response": {"usage": USAGE},
        "model_parameters": {"reasoning_effort": "none"},
        "metadata": {},
        "trace_id": "t",
    }
    return row | more


def test_callback_becomes_a_record(tmp_path: Path) -> None:
    rows = [
        payload(),
        {"standard_logging_object": payload(id="p2")},
        payload(id="p3", status="failure", error_str="boom"),
    ]
    found = calls("litellm-callbacks", lines(tmp_path / "a.jsonl", rows), arms=ARMS)
    assert kinds(found) == ["mapped", "mapped", "call failed"]
    assert outcome(found[0])["arm"] == "direct"
    assert outcome(found[0])["latency_ms"] == 1500.0
    assert outcome(found[1])["request_id"] == "p2"


def observation(**more: Any) -> dict[str, Any]:
    row = {
        "id": "o1", "traceId": "t1", "type": "GENERATION", "name": "sums", "startTime": "2026-01-05T10:00:00Z",
        "endTime": "2026-01-05T10:00:03Z", "model": "gpt-5.1", "modelParameters": {"reasoning_effort": "high"},
        "input": ASKED, "output": "391", "costDetails": {"total": 0.02}, "level": "DEFAULT",
        "usageDetails": {"input": 40, "input_cached_tokens": 10, "output": 200, "output_reasoning_tokens": 700},
    }  # fmt: skip
    return row | more


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


def attribute(key: str, value: Any) -> dict[str, Any]:
    kind = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def span(told: Mapping[str, Any], events: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    row = {
        "traceId": "a" * 32, "spanId": "b" * 16, "name": "chat gpt-5.1", "startTimeUnixNano": "1700000000000000000",
        "endTimeUnixNano": "1700000002000000000", "attributes": [attribute(*item) for item in told.items()],
        "events": events or [],
    }  # fmt: skip
    return row | more


CHAT = {
    "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5.1", "gen_ai.response.model": "gpt-5.1-2025-11-13",
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]),
    "gen_ai.usage.input_tokens": 50, "gen_ai.usage.cache_read.input_tokens": 10, "gen_ai.usage.output_tokens": 900,
    "gen_ai.usage.reasoning.output_tokens": 700, "gen_ai.conversation.id": "c",
}  # fmt: skip


def request(*spans: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": list(spans)}]}]}


def test_spans(tmp_path: Path) -> None:
    judged = {
        "name": "gen_ai.evaluation.result",
        "attributes": [
            attribute("gen_ai.evaluation.name", "correct"),
            attribute("gen_ai.evaluation.score.value", 0.75),
        ],
    }
    rows = [request(span(CHAT, [judged]), span({"http.method": "GET"})), request(span(CHAT, status={"code": 2}))]
    found = calls("otel", lines(tmp_path / "a.jsonl", rows), success="correct")
    assert kinds(found) == ["mapped", "not a model call", "call failed"]
    row = outcome(found[0])
    assert json.loads(row["messages"]) == [{"role": "user", "content": "Hi"}]
    assert (row["success"], row["latency_ms"], row["session_id"]) == (0.75, 2000.0, "c")
    assert (row["input_tokens"], row["cached_input_tokens"]) == (50, 10)
    assert (row["output_tokens"], row["reasoning_tokens"]) == (900, 700)
    assert (row["arm"], row["model"]) == ("gpt-5.1", "gpt-5.1-2025-11-13")


@pytest.mark.parametrize(
    ("told", "events"),
    [
        ({"gen_ai.prompt": "Hi"}, []),
        ({"gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "Hi"}, []),
        ({}, [{"name": "gen_ai.user.message", "attributes": [attribute("content", "Hi")]}]),
        ({}, [{"name": "gen_ai.content.prompt", "attributes": [attribute("gen_ai.prompt", "Hi")]}]),
    ],
)
def test_older_spans_hold_prompts_elsewhere(tmp_path: Path, told: dict[str, Any], events: list[Any]) -> None:
    base = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    (tmp_path / "a.json").write_text(json.dumps(request(span(base | told, events)), indent=1))
    (call,) = calls("otel", tmp_path / "a.json")
    assert json.loads(outcome(call)["messages"]) == [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("source", "page", "told"),
    [
        (
            "openai-usage",
            {"object": "page", "data": [{"object": "bucket", "start_time": 1, "results": [
                {"model": "gpt-5.1", "input_tokens": 10, "output_tokens": 1000, "num_model_requests": 4},
                {"amount": {"value": 0.06, "currency": "usd"}, "line_item": None}]}]},
            "4 calls of gpt-5.1 had 250 output tokens each",
        ),
        (
            "anthropic-usage",
            {"data": [{"starting_at": "2026-01-01T00:00:00Z", "results": [
                {"model": "claude-sonnet-4-5", "uncached_input_tokens": 5, "output_tokens": 7},
                {"amount": "12.5", "currency": "USD", "cost_type": "tokens"}]}]},
            "Anthropic sums up many calls here",
        ),
    ],
)  # fmt: skip
def test_sums_over_calls_are_refused_with_what_they_tell(
    tmp_path: Path, source: str, page: dict[str, Any], told: str
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(page, indent=1))
    found = calls(source, tmp_path / "a.json")
    assert kinds(found) == ["tokens of many calls", "costs of many calls"]
    assert isinstance(found[0], Refused)
    assert told in found[0].reason


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


def test_csv_by_a_map_of_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,who,ok,secs,prompt\nWhat is 2 + 2?,direct,true,3,old\n,direct,1,3,\n")
    (call, empty) = calls("csv", tmp_path / "a.csv", columns={"prompt": "question", "arm": "who", "success": "ok"})
    assert outcome(call) == {"prompt": "What is 2 + 2?", "arm": "direct", "success": 1.0, "secs": "3"}
    assert kinds([empty]) == ["no prompt"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
SEEDS: dict[str, dict[str, Any]] = {
    "litellm-spend-logs": spend_log(),
    "litellm-callbacks": payload(),
    "langfuse": observation(),
    "otel": span(CHAT),
    "openai-usage": {"model": "m", "output_tokens": 1, "num_model_requests": 1},
    "anthropic-usage": {"model": "m", "output_tokens": 1},
    "routerbench": {"sample_id": "s", "prompt": "p", "eval_name": "e", "m": 1.0, "m|total_cost": 0.1},
    "routerarena": {"global_index": "A_1", "question": "q", "llm_selected": "m", "evaluation_result": {"score": 1.0}},
    "csv": {"prompt": "p", "arm": "a", "success": 1, "output_tokens": 3},
}


def spoilt(seed: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The seed with some fields replaced by anything, or gone."""
    changes = st.dictionaries(st.sampled_from(sorted(seed)), JUNK, max_size=3)
    gone = st.sets(st.sampled_from(sorted(seed)), max_size=2)
    return st.builds(lambda new, less: {k: v for k, v in (seed | new).items() if k not in less}, changes, gone)


@pytest.mark.parametrize("source", sorted(SEEDS))
@settings(max_examples=25)
@given(data=st.data())
def test_rows_in_are_rows_out_and_rows_quarantined(source: str, data: st.DataObject, tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rows = data.draw(st.lists(spoilt(SEEDS[source]), min_size=1, max_size=5))
    path = folder / "in.jsonl"
    wrapped = [request(row) for row in rows] if source == "otel" else rows
    path.write_text("".join(json.dumps(row) + "\n" for row in wrapped) + "this is no JSON\n")
    expected = len(rows) + 1
    if source == "routerbench":
        expected = sum(max(1, sum(key.endswith("|total_cost") for key in row)) for row in rows) + 1
    found = bring(source, path, folder / "out.jsonl", folder / "bad.quarantine.jsonl")
    written = (folder / "out.jsonl").read_text().splitlines()
    refused = [json.loads(line) for line in (folder / "bad.quarantine.jsonl").read_text().splitlines()]
    assert found.read == expected == len(written) + len(refused)
    assert (found.written, sum(found.quarantined.values())) == (len(written), len(refused))
    assert all(row["line"] >= 1 and row["reason"] for row in refused)
    if written:  # what is written can be read back, every row of it
        back = read(folder / "out.jsonl")
        lost = dict(back.counts.quarantined)
        lost.pop("duplicate request_id", None)
        assert not lost


@pytest.fixture(scope="module")
def gym(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder of our own in the layout of the public repository."""
    root = tmp_path_factory.mktemp("gym")
    for model, score in (("meta-llama_llama-4-maverick_20250406_081553", 0.0), ("openai_o3-mini_20250315_181742", 1.0)):
        folder = root / "easy" / model / "arithmetic"
        folder.mkdir(parents=True)
        completions = [{"model_answer": "7", "full_model_response": "<answer>7</answer>", "score": score}] * 3
        results = [{"question": f"What is {n} + 1?", "expected_answer": "7", "best_score": score, "mean_score": score,
                    "completions": completions} for n in range(4)]  # fmt: skip
        task = {"name": "sums", "category": "arithmetic", "system_prompt": "Think.", "results": results}
        (folder / "sums.json").write_text(json.dumps(task, indent=1))
        (folder.parent / "summary.json").write_text(json.dumps({"total": 1}))
    return root


def test_reasoning_gym_on_a_folder_of_our_own(gym: Path, tmp_path: Path) -> None:
    found = bring("reasoning-gym-eval", gym, tmp_path / "o.jsonl", tmp_path / "q.quarantine.jsonl")
    assert (found.read, found.written) == (26, 24)
    assert found.quarantined == {"not a result file": 2}
    assert found.per_arm == {"meta-llama/llama-4-maverick": 12, "openai/o3-mini": 12}
    frame = read(tmp_path / "o.jsonl").frame
    assert frame["prompt_id"].nunique() == 4
    assert set(frame["difficulty"]) == {"easy"}


def test_reasoning_gym_on_the_repositorys_own_files(tmp_path: Path) -> None:
    """Where the original files are at hand beside the project; the folder of our own above has the same layout."""
    raw = Path(__file__).parents[4] / "shared" / "data" / "raw" / "reasoning_gym_eval"
    if not raw.is_dir():
        return
    expected = sum(
        len(result["completions"]) for file in raw.rglob("*.json") for result in json.loads(file.read_text())["results"]
    )
    found = bring("reasoning-gym-eval", raw, tmp_path / "o.parquet", tmp_path / "q.quarantine.jsonl")
    assert (found.read, found.written) == (expected, expected)
    assert set(found.per_arm) == {"meta-llama/llama-4-maverick", "openai/o3-mini"}
    assert read(tmp_path / "o.parquet").counts.kept == expected


def test_all_endings_hold_the_same(gym: Path, tmp_path: Path) -> None:
    frames = []
    for ending in ("jsonl", "csv", "parquet"):
        out = tmp_path / f"o.{ending}"
        bring("reasoning-gym-eval", gym, out, tmp_path / "q.quarantine.jsonl")
        frames.append(read(out).frame[["request_id", "prompt", "arm", "success", "task"]].astype(str))
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])


def test_a_cut_array_keeps_what_came_before(tmp_path: Path) -> None:
    whole = json.dumps([SEEDS["csv"]] * 3)
    (tmp_path / "a.json").write_text(whole[:-10])
    found = bring("csv", tmp_path / "a.json", tmp_path / "o.jsonl", tmp_path / "q.quarantine.jsonl")
    assert (found.written, found.quarantined) == (2, {"not JSON": 1})


def test_a_failed_import_leaves_the_old_file(tmp_path: Path) -> None:
    out = tmp_path / "o.jsonl"
    out.write_text("old\n")
    (tmp_path / "a.jsonl").write_bytes(b"\xff\xfe" + "x".encode("utf-16-le"))
    with pytest.raises(Exception, match="UTF-16"):
        bring("csv", tmp_path / "a.jsonl", out, tmp_path / "q.quarantine.jsonl")
    assert out.read_text() == "old\n"
    assert not list(tmp_path.glob(".*.part"))
