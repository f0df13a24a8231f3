"""Tokens and latency: means that add up, p95s that cover, defaults that say so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.toy_datasets import chances, dataset, toy_rows
from training.models.boosting import BinnedRows, folds_of, raw_scores
from training.models.consumption import MINIMUM_ROWS, QUANTITY_TREES, TAIL, fit_quantity, hidden_shares, without_stalls
from training.models.fitted_model import TreeHead


def test_mean_and_p95_of_long_tails() -> None:
    rng = np.random.default_rng(0)
    x = toy_rows(4000, rng)
    tokens = np.exp(5 + 0.8 * x[:, 0] + rng.normal(0, 0.7, 4000))
    fold = folds_of([None] * 2000, 4, rng)
    learnt = fit_quantity(x[:2000], tokens[:2000], fold, 300.0, BinnedRows(x[:2000], QUANTITY_TREES, 1), seed=0)
    head = learnt.head
    assert head.source == "history"
    assert isinstance(head.mean, TreeHead)
    assert 0.93 <= np.mean(tokens[2000:] <= head.tail * np.exp(raw_scores(head.mean, x[2000:]))) <= 0.97
    assert abs(np.exp(raw_scores(head.mean, x[2000:])).mean() / tokens[2000:].mean() - 1) < 0.1
    assert 0.93 <= np.mean(tokens[:2000] <= learnt.p95) <= 0.97
    assert np.corrcoef(np.log(learnt.mean), x[:2000, 0])[0, 1] > 0.8


def test_defaults_serve_where_the_history_has_too_little() -> None:
    rng = np.random.default_rng(1)
    x = toy_rows(100, rng)
    tokens = np.full(100, np.nan)
    tokens[: MINIMUM_ROWS - 1] = 7.0
    fold = folds_of([None] * 100, 2, rng)
    learnt = fit_quantity(x, tokens, fold, 300.0, BinnedRows(x, QUANTITY_TREES, 1), seed=0)
    assert (learnt.head.mean, learnt.head.tail, learnt.head.source) == (300.0, TAIL, "defaults")
    assert (learnt.mean == 300.0).all()


def test_zero_tokens_do_not_break_the_logarithm() -> None:
    rng = np.random.default_rng(2)
    x = toy_rows(200, rng)
    learnt = fit_quantity(
        x, np.zeros(200), folds_of([None] * 200, 2, rng), 1.0, BinnedRows(x, QUANTITY_TREES, 1), seed=0
    )
    assert np.isfinite(learnt.mean).all()
    assert np.isfinite(learnt.p95).all()


def test_a_few_stalled_calls_do_not_rule_the_mean() -> None:
    latency = np.full(1000, 900.0)
    latency[:3] = 450_000.0
    latency[3] = np.nan
    cut = without_stalls(latency)
    assert np.nanmean(cut) == pytest.approx(900.0)
    assert np.isnan(cut[3])
    assert np.isnan(without_stalls(np.full(5, np.nan))).all()


def test_the_hidden_share_of_an_arm_is_a_ratio_of_sums() -> None:
    rng = np.random.default_rng(3)
    data = dataset(chances(toy_rows(200, rng), 3), rng)
    output = rng.uniform(100, 5000, (200, 3))
    hidden = output * [0.01, 0.5, 0.9]
    hidden[0] = [0.0, output[0, 1], 0.0]
    hidden[100:, 1], output[150:, 2] = np.nan, np.nan
    shares = hidden_shares(replace(data, output_tokens=output, reasoning_tokens=hidden))
    assert set(shares) == {"low", "high"}  # the first hardly thinks
    assert shares["low"] == pytest.approx(hidden[:100, 1].sum() / output[:100, 1].sum(), abs=1e-4)
    assert shares["high"] == pytest.approx(0.9, abs=0.02)


def test_a_hidden_share_that_is_hardly_known_is_left_out() -> None:
    rng = np.random.default_rng(4)
    data = dataset(chances(toy_rows(200, rng), 3), rng)
    hidden = np.full((200, 3), np.nan)
    hidden[: MINIMUM_ROWS - 1] = 400.0
    assert hidden_shares(data) == {}
    assert hidden_shares(replace(data, output_tokens=np.full((200, 3), 500.0), reasoning_tokens=hidden)) == {}
