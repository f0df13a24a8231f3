"""Datasets of prompts x arms: means, propensities and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.errors import BadArms
from serving.decision.types import Arm, Message
from tests.support.outcome_frames import ARMS, frame_of, logged, paired
from training.dataset.arm_inference import infer_arms
from training.dataset.dataset import build_dataset, group_dataset
from training.dataset.requirements import MINIMUM_PROMPTS
from training.errors import TooLittleToLearn
from training.records.history import read


def test_runs_of_an_arm_are_averaged() -> None:
    rows: list[dict[str, object]] = [
        {"prompt_id": "a", "arm": "direct", "success": 1.0, "output_tokens": 10.0, "timestamp": 5.0, "tenant": None},
        {"prompt_id": "a", "arm": "direct", "success": 0.0, "output_tokens": 30.0, "timestamp": 9.0, "tenant": "t"},
        {"prompt_id": "a", "arm": "direct", "success": None, "output_tokens": 80.0},
        {"prompt_id": "a", "arm": "reasoning", "success": 0.5, "task": "sums"},
        {"prompt_id": "b", "arm": "reasoning", "success": 1.0, "propensity": 0.25},
        {"prompt_id": "b", "arm": "direct", "success": None, "latency_ms": 7.0},
        {"prompt_id": "c", "arm": "direct", "success": None},
    ]
    dataset = build_dataset(frame_of(rows), ARMS, minimum=1)
    assert dataset.prompt_ids.tolist() == ["a", "b"]
    np.testing.assert_array_equal(dataset.success, [[0.5, 0.5], [np.nan, 1.0]])
    np.testing.assert_array_equal(dataset.runs, [[2, 1], [0, 1]])
    np.testing.assert_array_equal(dataset.propensity, [[1.0, 1.0], [np.nan, 0.25]])
    np.testing.assert_array_equal(dataset.output_tokens, [[40.0, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(dataset.latency_ms, [[np.nan, np.nan], [7.0, np.nan]])
    np.testing.assert_array_equal(dataset.timestamp, [9.0, np.nan])
    assert dataset.tasks.tolist() == ["sums", None]
    assert dataset.tenant.tolist() == ["t", None]
    assert dataset.paired.tolist() == [True, False]
    assert not dataset.is_paired
    assert dataset.requests[1].messages == (Message("user", "Prompt b"),)
    assert dataset.requests[0].tenant == "t"


def test_a_logged_history_keeps_its_propensities() -> None:
    frame = logged(200)
    dataset = build_dataset(frame, ARMS)
    assert not dataset.paired.any()
    chosen = np.nansum(dataset.propensity, axis=1)
    np.testing.assert_array_equal(chosen, frame["propensity"])
    np.testing.assert_array_equal(np.isnan(dataset.propensity), np.isnan(dataset.success))


def test_the_arms_give_the_columns_their_order() -> None:
    frame = paired(60)
    forward, backward = build_dataset(frame, ARMS), build_dataset(frame, ARMS[::-1])
    np.testing.assert_array_equal(forward.success, backward.success[:, ::-1])
    assert backward.arms[0].name == "reasoning"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_plays_no_part(seed: int) -> None:
    frame = paired(55)
    order = np.random.default_rng(seed).permutation(len(frame))
    one, other = build_dataset(frame, ARMS), build_dataset(frame.iloc[order], ARMS)
    assert one.requests == other.requests
    np.testing.assert_array_equal(one.success, other.success)


def test_requests_come_from_messages_where_there_are_some(tmp_path: Path) -> None:
    chat = '[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]'
    rows = paired(60)
    rows["messages"] = pd.Series([chat, chat])
    rows.to_parquet(tmp_path / "history.parquet")
    history = read(tmp_path / "history.parquet")
    dataset = build_dataset(history.frame, infer_arms(history.frame))
    assert dataset.requests[0].messages == (Message("system", "Be brief."), Message("user", "Hi"))
    assert dataset.requests[1].messages == (Message("user", "Prompt p001"),)
    assert build_dataset(rows, ARMS).requests == dataset.requests


def test_subset_takes_every_column() -> None:
    dataset = build_dataset(paired(60, output_tokens=5.0), ARMS)
    part = dataset.subset(np.array([3, 1]))
    assert part.prompt_ids.tolist() == ["p003", "p001"]
    assert [request.messages[0].text for request in part.requests] == ["Prompt p003", "Prompt p001"]
    assert len(part) == len(part.success) == len(part.output_tokens) == len(part.timestamp) == 2
    mask = dataset.success[:, 1] > 0
    assert dataset.subset(mask).success[:, 1].tolist() == [1.0] * 30


# Refusals


@pytest.mark.parametrize(
    ("frame", "cure"),
    [
        (paired(15), f"15 prompts .* at least {MINIMUM_PROMPTS} are needed"),
        (paired(60).query("arm == 'direct'"), "only one arm in the history: direct"),
        (paired(60).assign(success=1.0), "every known success is 1"),
        (paired(60).assign(success=np.nan), "no success is known"),
        (paired(60).assign(arm=None), "no row has an arm"),
        (paired(60).query("arm == 'direct' or prompt_id < 'p010'").assign(success=lambda f: f.index % 3 / 2),
         "arm reasoning has 10 prompts"),
        (paired(60).assign(success=lambda f: np.where(f.arm == "direct", f.index % 3 / 2, np.nan)),
         "arm reasoning has 0 prompts"),
    ],
)  # fmt: skip
def test_a_history_that_teaches_nothing_is_refused(frame: pd.DataFrame, cure: str) -> None:
    with pytest.raises(TooLittleToLearn, match=cure):
        build_dataset(frame, ARMS)


def test_arms_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadArms, match="not listed: reasoning"):
        build_dataset(paired(60), (ARMS[0], Arm("other", "m")))
    with pytest.raises(BadArms, match="1 arm"):
        build_dataset(paired(60), ARMS[:1])


def test_a_history_of_few_prompts_can_be_grouped_but_not_built() -> None:
    frame = paired(3)
    dataset = group_dataset(frame, ARMS)
    assert (len(dataset), dataset.is_paired) == (3, True)
    with pytest.raises(TooLittleToLearn):
        build_dataset(frame, ARMS)
