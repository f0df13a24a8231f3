"""Blocks of prompts: the same by seed and number, whole, and independent of each other."""

from __future__ import annotations

import numpy as np
import pytest

from training.synthetic import ConceptDrift, WorldSpec
from training.synthetic.prices import price_table
from training.synthetic.prompt_generator import BLOCK, draw_block
from training.synthetic.prompt_sample import PromptSample

SPEC = WorldSpec(5, days=10.0, shift=ConceptDrift(5.0, mix={"maths": 20.0}))
PRICES = price_table(SPEC.arms, SPEC.start)


@pytest.fixture(scope="module")
def block() -> PromptSample:
    return draw_block(SPEC, PRICES, 2)


def test_a_block_holds_its_places(block: PromptSample) -> None:
    assert len(block) == BLOCK
    assert block.index.tolist() == list(range(2 * BLOCK, 3 * BLOCK))


def test_the_same_seed_and_number_give_the_same_block(block: PromptSample) -> None:
    again = draw_block(SPEC, PRICES, 2)
    assert again.texts == block.texts
    assert np.array_equal(again.success, block.success)
    assert draw_block(SPEC, PRICES, 3).texts != block.texts


def test_times_lie_in_the_history_and_tell_the_shift(block: PromptSample) -> None:
    days = (block.timestamp - SPEC.start) / 86_400.0
    assert days.min() >= 0.0
    assert days.max() < 10.0
    assert np.array_equal(block.shifted, days >= 5.0)


def test_the_mix_changes_with_the_shift(block: PromptSample) -> None:
    maths = block.tasks == "maths"
    assert maths[block.shifted].mean() > 3 * maths[~block.shifted].mean()


def test_expected_success_is_a_probability_near_the_truth(block: PromptSample) -> None:
    assert ((block.expected_success > 0) & (block.expected_success < 1)).all()
    assert np.allclose(block.expected_success.mean(axis=0), block.success.mean(axis=0), atol=0.03)


def test_cached_tokens_are_part_of_the_input(block: PromptSample) -> None:
    assert (block.cached_input_tokens <= block.input_tokens).all()
    assert (block.cached_input_tokens[block.tasks != "follow_up"] == 0).all()
