"""Minimum requirements on data: what is missing is named, and just enough is accepted."""

from __future__ import annotations

import numpy as np
import pytest

from training.dataset.requirements import (
    MINIMUM_PROMPTS_PER_ARM,
    require_drawn,
    require_labels,
    require_prompts,
    require_two,
)
from training.errors import TooLittleToLearn

NAMES = ["direct", "reasoning"]


def runs(direct: int, reasoning: int, prompts: int) -> np.ndarray:
    """Prompts of which the first ones have calls of an arm."""
    rows = np.arange(prompts)
    return np.column_stack([rows < direct, rows < reasoning]).astype(np.int64)


@pytest.mark.parametrize(
    ("names", "cure"), [([], "fill the column `arm`"), (["direct"], "only one arm in the history: direct")]
)
def test_fewer_than_two_arms_are_refused(names: list[str], cure: str) -> None:
    with pytest.raises(TooLittleToLearn, match=cure):
        require_two(names)
    require_two(NAMES)


@pytest.mark.parametrize(("success", "cure"), [([], "Grade the calls"), ([0.5, 0.5], "every known success is 0.5")])
def test_labels_must_be_known_and_differ(success: list[float], cure: str) -> None:
    with pytest.raises(TooLittleToLearn, match=cure):
        require_labels(np.array(success))
    require_labels(np.array([0.5, 0.500001]))


def test_the_minimum_of_prompts_is_enough_and_one_less_is_not() -> None:
    require_prompts(runs(50, 20, 50), NAMES, 50)
    with pytest.raises(TooLittleToLearn, match="49 prompts with a known success are too few"):
        require_prompts(runs(49, 20, 60), NAMES, 50)
    with pytest.raises(TooLittleToLearn, match="arm reasoning has 19 prompts with a known success; at least 20"):
        require_prompts(runs(50, 19, 50), NAMES, 50)


def test_a_smaller_minimum_also_lowers_that_of_an_arm() -> None:
    require_prompts(runs(5, 5, 5), NAMES, 5)
    with pytest.raises(TooLittleToLearn, match="at least 5 are needed"):
        require_prompts(runs(5, 4, 5), NAMES, 5)


def test_prompts_count_once_however_often_they_were_called() -> None:
    often = runs(50, 20, 50) * 7
    require_prompts(often, NAMES, 50)
    often[0, 1] = 0
    with pytest.raises(TooLittleToLearn, match="arm reasoning has 19"):
        require_prompts(often, NAMES, 50)


def test_a_sample_needs_every_arm() -> None:
    require_drawn(runs(100, MINIMUM_PROMPTS_PER_ARM, 100), NAMES, 5000)
    with pytest.raises(TooLittleToLearn, match=r"among the 100 that were drawn of 5,000.*--learn-from"):
        require_drawn(runs(100, MINIMUM_PROMPTS_PER_ARM - 1, 100), NAMES, 5000)
