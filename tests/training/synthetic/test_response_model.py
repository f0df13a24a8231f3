"""What is true of a prompt: success, failure modes, tokens and latency, checked by hand and by their order."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from training.synthetic import DEFAULT_ARMS, ConceptDrift
from training.synthetic.prices import price_table
from training.synthetic.response_model import Circumstances, concat_truths, difficulty, respond, success
from training.synthetic.task_types import STRENGTH, TASKS


def _circumstances(n: int = 5, task: str = "maths", shifted: bool = False) -> Circumstances:
    tokens = np.full(n, 100.0)
    level = np.linspace(0.0, 1.0, n)
    zeros = np.zeros(n)
    return Circumstances(
        np.full(n, task, object), level, zeros, zeros, np.full(n, shifted), tokens, zeros
    )  # fmt: skip


def test_success_follows_the_written_formula() -> None:
    prompt, traits = _circumstances(), TASKS["maths"]
    hard = traits.base + traits.span * prompt.level
    assert np.allclose(difficulty(prompt, None), hard)
    for place, arm in enumerate(DEFAULT_ARMS):
        strength = STRENGTH[arm.effort]
        top = traits.ceiling - traits.overthinking * strength
        wanted = traits.floor + (top - traits.floor) / (1 + np.exp(-(traits.gain * strength - hard)))
        assert np.allclose(success(prompt, DEFAULT_ARMS, None)[:, place], wanted)


def test_drift_acts_after_its_day_and_on_its_task_only() -> None:
    drift = ConceptDrift(1.0, gain={"maths": 0.0}, skill={"maths": -1.0})
    before, after = _circumstances(), _circumstances(shifted=True)
    assert np.array_equal(success(before, DEFAULT_ARMS, drift), success(before, DEFAULT_ARMS, None))
    assert (success(after, DEFAULT_ARMS, drift) < success(before, DEFAULT_ARMS, None)).all()
    other = _circumstances(task="extraction", shifted=True)
    assert np.array_equal(success(other, DEFAULT_ARMS, drift), success(other, DEFAULT_ARMS, None))


def test_reasoning_costs_more_tokens_time_and_money() -> None:
    truth = respond(_circumstances(), DEFAULT_ARMS, price_table(DEFAULT_ARMS, 1.8e9), None)
    for name in ("reasoning_tokens", "output_tokens", "latency_ms", "cost_usd"):
        values = getattr(truth, name)
        assert (values[:, 1] > values[:, 0]).all(), name
    assert (truth.reasoning_tokens <= truth.output_tokens).all()
    assert np.allclose(truth.wrong_modes.sum(axis=2), 1.0)


def test_slower_and_longer_after_a_drift_of_tokens_and_latency() -> None:
    prices = price_table(DEFAULT_ARMS, 1.8e9)
    drift = ConceptDrift(1.0, tokens=2.0, latency=3.0)
    before = respond(_circumstances(), DEFAULT_ARMS, prices, drift)
    after = respond(_circumstances(shifted=True), DEFAULT_ARMS, prices, drift)
    assert np.allclose(after.hidden_median, 2.0 * before.hidden_median)
    assert np.allclose(after.ms_per_token, 3.0 * before.ms_per_token)


@pytest.mark.parametrize("cut", [1, 3])
def test_truths_are_taken_apart_and_put_together(cut: int) -> None:
    truth = respond(_circumstances(), DEFAULT_ARMS, price_table(DEFAULT_ARMS, 1.8e9), None)
    again = concat_truths([truth.take(np.arange(cut)), truth.take(np.arange(cut, 5))])
    assert all(np.array_equal(getattr(again, f.name), getattr(truth, f.name)) for f in fields(truth))


def test_a_harder_hidden_part_lowers_success() -> None:
    prompt = _circumstances(task="planning")
    harder = replace(prompt, hidden=np.ones(5))
    assert (success(harder, DEFAULT_ARMS, None) < success(prompt, DEFAULT_ARMS, None)).all()
