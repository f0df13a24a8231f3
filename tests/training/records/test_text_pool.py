"""Distinct texts, and texts that are the same prompt."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.history_files import write
from training.records.history import read


def test_one_text_is_one_prompt_however_it_is_written(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"prompt": "Caf\u00e9  au lait\n"},
        {"prompt": "Cafe\u0301 au lait"},
        {"messages": [{"role": "user", "content": "Caf\u00e9 au lait"}]},
        {"messages": json.dumps([{"role": "user", "content": [{"type": "text", "text": "Caf\u00e9 au lait"}]}])},
        {"prompt": "ignored", "messages": [{"role": "user", "content": "Caf\u00e9 au lait"}]},
    ]
    history = read(write(tmp_path / "history.jsonl", [{**row, "arm": "direct", "success": 1} for row in rows]))
    assert history.counts.kept == 5
    assert history.counts.prompts == 1
    assert history.frame["prompt"].iloc[4] == "ignored"


def test_lone_surrogates_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    path.write_text('{"prompt": "a\\ud800b", "arm": "direct", "success": 1, "note": "\\udfff"}\n')
    history = read(path)
    assert history.frame["prompt"].tolist() == ["a\ufffdb"]
    assert history.frame["note"].tolist() == ["\ufffd"]
