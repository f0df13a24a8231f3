"""Samples of prompts: parts and wholes keep everything that is true of each prompt."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from training.synthetic import PromptSample, World
from training.synthetic.prompt_sample import concat_samples


@pytest.fixture(scope="module")
def sample() -> PromptSample:
    return World(4).sample(60)


def _same(one: PromptSample, other: PromptSample) -> bool:
    arrays = [field.name for field in fields(one) if field.name not in ("arms", "requests", "truth")]
    truths = [field.name for field in fields(one.truth)]
    return (
        one.requests == other.requests
        and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
        and all(np.array_equal(getattr(one.truth, name), getattr(other.truth, name)) for name in truths)
    )


def test_parts_put_together_are_the_whole(sample: PromptSample) -> None:
    parts = [sample.take(np.arange(0, 20)), sample.take(np.arange(20, 60))]
    assert _same(concat_samples(parts), sample)


def test_a_mask_takes_the_same_as_its_places(sample: PromptSample) -> None:
    mask = sample.level > 0.5
    assert _same(sample.take(mask), sample.take(np.flatnonzero(mask)))
    assert len(sample.take(mask)) == mask.sum()


def test_uplift_is_the_difference_to_the_baseline(sample: PromptSample) -> None:
    assert sample.uplift.shape == (60, 1)
    assert np.allclose(sample.uplift[:, 0], sample.success[:, 1] - sample.success[:, 0])


def test_texts_hold_every_turn(sample: PromptSample) -> None:
    for text, request in zip(sample.texts, sample.requests, strict=True):
        assert text == "\n".join(message.text for message in request.messages)
