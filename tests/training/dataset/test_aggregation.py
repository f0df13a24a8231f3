"""Tables by prompt and arm, and values by prompt."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.support.outcome_frames import paired
from training.dataset.aggregation import (
    CellIndex,
    distinct_prompts,
    first_labels,
    latest_times,
    numeric_column,
    row_requests,
)


def test_prompts_gives_each_prompt_once() -> None:
    frame = paired(10)
    found = distinct_prompts(frame.iloc[::-1])
    assert found.prompt_ids.tolist() == [f"p{i:03d}" for i in range(9, -1, -1)]
    assert found.requests[0].messages[0].text == "Prompt p009"
    assert found.requests[0].task == "t4"


def test_means_are_those_of_a_pivot_table() -> None:
    rng = np.random.default_rng(0)
    prompt, arm, value = rng.integers(0, 20, 200), rng.integers(0, 3, 200), rng.random(200)
    value[rng.random(200) < 0.3] = np.nan
    index = CellIndex(prompt * 3 + arm, 20, 3)
    frame = pd.DataFrame({"prompt": prompt, "arm": arm, "value": value})
    expected = (
        frame.pivot_table("value", "prompt", "arm", "mean", dropna=False).reindex(range(20)).reindex(columns=range(3))
    )
    np.testing.assert_allclose(index.means(value), expected.to_numpy())
    np.testing.assert_array_equal(index.counts(~np.isnan(value)) > 0, ~np.isnan(index.means(value)))


def test_only_selected_rows_count() -> None:
    index = CellIndex(np.array([0, 0, 3]), 2, 2)
    rows = np.array([True, False, True])
    np.testing.assert_array_equal(index.counts(rows), [[1, 0], [0, 1]])
    np.testing.assert_array_equal(index.means(np.array([1.0, 9.0, np.nan]), rows), [[1.0, np.nan], [np.nan, np.nan]])


def test_a_missing_column_or_value_is_the_default() -> None:
    frame = pd.DataFrame({"propensity": [0.5, None]})
    assert numeric_column(frame, "propensity", 1.0).tolist() == [0.5, 1.0]
    assert numeric_column(frame, "none", 2.0).tolist() == [2.0, 2.0]
    assert np.isnan(numeric_column(frame, "none")).all()


def test_the_first_known_label_and_the_latest_known_time_win() -> None:
    codes = np.array([0, 1, 1, 0])
    frame = pd.DataFrame({"task": [None, "a", "b", "c"]})
    assert first_labels(frame, "task", codes, 3).tolist() == ["c", "a", None]
    assert first_labels(frame, "tenant", codes, 2).tolist() == [None, None]
    times = latest_times(np.array([np.nan, 1.0, 3.0, np.nan]), codes, 2)
    np.testing.assert_array_equal(times, [np.nan, 3.0])


def test_requests_prefer_messages_and_take_their_labels() -> None:
    chat = '[{"role": "user", "content": "Chat"}]'
    frame = pd.DataFrame({"prompt": ["Text", "Text"], "messages": [None, chat]})
    text, from_chat = row_requests(frame, np.array([0, 1]), np.array(["t", None]), np.array([None, "u"]))
    assert (text.messages[0].text, text.task, text.tenant) == ("Text", "t", None)
    assert (from_chat.messages[0].text, from_chat.task, from_chat.tenant) == ("Chat", None, "u")
