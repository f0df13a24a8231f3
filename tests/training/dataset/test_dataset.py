"""Prompts x arms out of rows: averages, propensities, splits, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.errors import BadArms
from serving.decision.types import Arm, Message
from training.dataset.aggregation import distinct_prompts
from training.dataset.arm_inference import infer_arms
from training.dataset.dataset import Dataset, build_dataset
from training.dataset.requirements import MINIMUM_PROMPTS
from training.dataset.splits import split_by_prompt, split_by_task, split_by_time
from training.errors import BadHistory, TooLittleToLearn
from training.records.history import read

ARMS = (Arm("direct", "m"), Arm("reasoning", "m", "high"))


def frame_of(rows: list[dict[str, object]]) -> pd.DataFrame:
    return pd.DataFrame([{"prompt": f"Prompt {row['prompt_id']}", **row} for row in rows])


def paired(n: int, **more: object) -> pd.DataFrame:
    """n prompts, both arms called once; reasoning succeeds on every second prompt."""
    return frame_of(
        [
            {"prompt_id": f"p{i:03d}", "arm": arm.name, "success": float(k and i % 2), "task": f"t{i % 5}", **more}
            for i in range(n)
            for k, arm in enumerate(ARMS)
        ]
    )


def logged(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    chosen = rng.random(n) < 0.3
    return frame_of(
        [
            {
                "prompt_id": f"p{i:03d}",
                "arm": ARMS[int(chosen[i])].name,
                "propensity": 0.3 if chosen[i] else 0.7,
                "success": float(i % 2),
                "timestamp": 1e9 + i,
            }
            for i in range(n)
        ]
    )


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


# Arms without arms.toml


def test_default_arms_name_model_and_effort() -> None:
    frame = paired(4, model="big").assign(model=["small", "big"] * 3 + ["odd", "big"])
    direct, reasoning = infer_arms(frame)
    assert (direct.name, direct.model, direct.effort) == ("direct", "small", "none")
    assert (reasoning.name, reasoning.model, reasoning.effort) == ("reasoning", "big", "high")
    assert reasoning.default_output_tokens > direct.default_output_tokens
    assert reasoning.default_latency_ms > direct.default_latency_ms


@pytest.mark.parametrize(
    ("names", "tokens", "expected"),
    [
        (["b", "a"], [1.0, 2.0], ["b", "a"]),
        (["b", "a"], [None, None], ["a", "b"]),
        (["zoom", "direct"], [1.0, 2.0], ["direct", "zoom"]),
        (["high", "low"], [9.0, 2.0], ["low", "high"]),
    ],
)
def test_the_baseline_is_direct_or_the_shortest_or_the_first(
    names: list[str], tokens: list[float | None], expected: list[str]
) -> None:
    arms = infer_arms(pd.DataFrame({"arm": names, "output_tokens": tokens}))
    assert [arm.name for arm in arms] == expected
    assert {arm.name: arm.effort for arm in arms if arm.name in ("low", "high")} == {
        name: name for name in names if name in ("low", "high")
    }


# Splits


def whole(dataset: Dataset) -> list[int]:
    return list(range(len(dataset)))


def test_split_by_prompt_tests_each_prompt_once_and_shares_the_tasks() -> None:
    dataset = build_dataset(paired(100), ARMS)
    splits = split_by_prompt(dataset, 5, np.random.default_rng(3))
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == whole(dataset)
    for split in splits:
        assert sorted([*split.train.tolist(), *split.test.tolist()]) == whole(dataset)
        assert pd.Series(dataset.tasks[split.test]).value_counts().tolist() == [4] * 5
    again = split_by_prompt(dataset, 5, np.random.default_rng(3))
    assert [split.test.tolist() for split in again] == [split.test.tolist() for split in splits]
    other = split_by_prompt(dataset, 5, np.random.default_rng(4))
    assert [split.test.tolist() for split in other] != [split.test.tolist() for split in splits]


def test_split_by_task_never_tests_a_task_it_has_seen() -> None:
    dataset = build_dataset(paired(100), ARMS)
    splits = split_by_task(dataset, 3, np.random.default_rng(0))
    assert sorted(np.concatenate([split.test for split in splits]).tolist()) == whole(dataset)
    for split in splits:
        assert len(split.test)
        assert not set(dataset.tasks[split.train]) & set(dataset.tasks[split.test])
    with pytest.raises(BadHistory, match="5 tasks can't make 6 folds"):
        split_by_task(dataset, 6, np.random.default_rng(0))


def test_split_by_time_judges_by_what_came_after() -> None:
    dataset = build_dataset(logged(200), ARMS)
    split = split_by_time(dataset, 0.25)
    assert len(split.test) == 50
    assert dataset.timestamp[split.train].max() < dataset.timestamp[split.test].min()


def test_split_by_time_keeps_equal_times_together() -> None:
    dataset = build_dataset(logged(200).assign(timestamp=lambda f: np.where(f.index < 190, 1.0, 2.0)), ARMS)
    assert len(split_by_time(dataset, 0.5).test) == 10
    with pytest.raises(BadHistory, match="timestamp"):
        split_by_time(build_dataset(paired(60), ARMS))


def test_prompts_gives_each_prompt_once() -> None:
    frame = paired(10)
    found = distinct_prompts(frame.iloc[::-1])
    assert found.prompt_ids.tolist() == [f"p{i:03d}" for i in range(9, -1, -1)]
    assert found.requests[0].messages[0].text == "Prompt p009"
    assert found.requests[0].task == "t4"
