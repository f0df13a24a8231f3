"""Tables imported by a column mapping."""

from __future__ import annotations

from pathlib import Path

from serving.decision.types import Arm
from tests.support.importer_rows import (
    ARMS,
    calls,
    kinds,
    lines,
    outcome,
)


def test_csv_by_a_map_of_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,who,ok,secs,prompt\nWhat is 2 + 2?,direct,true,3,old\n,direct,1,3,\n")
    (call, empty) = calls("csv", tmp_path / "a.csv", columns={"prompt": "question", "arm": "who", "success": "ok"})
    assert outcome(call) == {"prompt": "What is 2 + 2?", "arm": "direct", "success": 1.0, "secs": "3"}
    assert kinds([empty]) == ["no prompt"]


def test_a_mapped_column_wins_over_one_of_that_name_in_any_order(tmp_path: Path) -> None:
    rows = [
        {"prompt": "old", "question": "new", "arm": "direct"},
        {"question": "new", "prompt": "old", "arm": "direct"},
    ]
    found = calls("csv", lines(tmp_path / "a.jsonl", rows), columns={"prompt": "question"})
    assert [outcome(call)["prompt"] for call in found] == ["new", "new"]


def test_the_arm_is_found_by_the_model_where_there_is_no_arm(tmp_path: Path) -> None:
    rows = [{"prompt": "Hi", "model": "o3"}, {"prompt": "Hi", "model": "gpt-5.1"}, {"prompt": "Hi"}]
    found = calls("csv", lines(tmp_path / "a.jsonl", rows), arms=[*ARMS, Arm("thinker", "o3", "high")])
    assert kinds(found) == ["mapped", "effort not known", "no model"]
    assert outcome(found[0])["arm"] == "thinker"


def test_cells_that_are_no_text_or_number_are_refused(tmp_path: Path) -> None:
    base = {"prompt": "Hi", "arm": "direct"}
    rows = [base | {"prompt": 7}, base | {"cost_usd": "cheap"}, base | {"success": 3}, base | {"timestamp": "soon"}]
    assert kinds(calls("csv", lines(tmp_path / "a.jsonl", rows))) == [
        "prompt is not text", "cost_usd is no number", "success out of range", "timestamp is no number",
    ]  # fmt: skip
