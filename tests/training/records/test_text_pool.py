"""Distinct texts, and texts that are the same prompt."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from serving.decision.errors import BadRequest
from tests.support.history_files import write
from training.records.history import read
from training.records.text_pool import TextPool, as_json, conversation, iter_cells


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


def test_a_text_is_added_once_and_found_by_its_key() -> None:
    pool = TextPool()
    first = pool.add(TextPool.key("Hi"), "Hi", conversation("Hi", None))
    pool.flush()
    second = pool.add(TextPool.key("Hi "), "Hi ", conversation("Hi ", None))
    assert (first.code, second.code) == (0, 1)
    assert first.prompt_id == second.prompt_id
    assert pool.find(TextPool.key("Hi ")) == second
    assert pool.find(TextPool.key("Bye")) is None
    column = pd.Series(pool.column(np.array([1, -1, 0, 1], np.int32)))
    assert column.isna().tolist() == [False, True, False, False]
    assert column.dropna().tolist() == ["Hi ", "Hi", "Hi "]


def test_hashes_tell_texts_apart_and_prompts_together() -> None:
    pool = TextPool()
    for text in ("Caf\u00e9", "Cafe\u0301", "Tea"):
        pool.add(TextPool.key(text), text, conversation(text, None))
    assert len(set(pool.text_hashes().tolist())) == 3
    same, as_well, other = pool.prompt_hashes().tolist()
    assert same == as_well != other


def test_messages_win_over_the_prompt() -> None:
    chat = [{"role": "user", "content": "Chat"}]
    assert conversation("Prompt", chat) == conversation(None, json.dumps(chat))
    assert conversation("Prompt", chat)[0].text == "Chat"


@pytest.mark.parametrize(
    ("prompt", "messages"), [(None, None), ("", float("nan")), (None, "[{"), (None, "7"), (7, None)]
)
def test_what_is_no_conversation_is_rejected(prompt: object, messages: object) -> None:
    with pytest.raises(BadRequest):
        conversation(prompt, messages)


def test_nested_arrays_of_parquet_cells_are_serialised_as_lists() -> None:
    nested = np.array([{"role": "user", "content": np.array([{"type": "text", "text": "Hi"}])}])
    assert json.loads(as_json(nested)) == [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    with pytest.raises(BadRequest, match="JSON"):
        as_json([{"role": object()}])


def test_cells_of_a_category_are_one_object() -> None:
    long = "x" * 1000
    column = pd.Series(pd.Categorical([long, None, long]))
    first, missing, again = iter_cells(column, np.array([0, 1, 2]))
    assert first is again
    assert missing is None
    assert list(iter_cells(None, np.array([4, 5]))) == [None, None]
    assert list(iter_cells(pd.Series(["a", "b", "c"]), np.array([2, 0]))) == ["c", "a"]
