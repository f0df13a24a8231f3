"""Arms inferred from a history: order, model and effort."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.support.outcome_frames import paired
from training.dataset.arm_inference import arm_usage, infer_arms, name_arms
from training.errors import TooLittleToLearn


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


def test_usage_of_parts_adds_up_to_that_of_the_whole() -> None:
    frame = paired(30, model="m", output_tokens=7.0)
    frame.loc[frame.index % 7 == 0, "output_tokens"] = np.nan
    frame.loc[frame.index % 5 == 0, "model"] = None
    whole = name_arms(arm_usage(frame))
    assert name_arms(pd.concat([arm_usage(frame[:20]), arm_usage(frame[20:])])) == whole == infer_arms(frame)


def test_arms_without_a_model_are_named_as_their_model() -> None:
    direct, other = infer_arms(pd.DataFrame({"arm": ["direct", "gpt-5.1"]}))
    assert (direct.model, other.model) == ("direct", "gpt-5.1")
    with pytest.raises(TooLittleToLearn, match="only one arm"):
        infer_arms(pd.DataFrame({"arm": ["direct", None]}))
