from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.decision.errors import BadInput
from training.metrics.cost_quality import (
    RankedGains,
    Ranking,
    RealisedOutcomes,
    Router,
    area_over_random,
    oracle_ranking,
    oracle_share,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def naive_area(gain: np.ndarray, order: list[int]) -> float:
    """Area over random of one strict order, by adding up trapezoids one prompt at a time."""
    n = len(order)
    curve = [0.0]
    for i in order:
        curve.append(curve[-1] + float(gain[i]) / n)
    return sum((a + b) / 2 / n for a, b in itertools.pairwise(curve)) - float(gain.sum()) / n / 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-1.0, 0.0, 0.5, 1.0])), min_size=2, max_size=5))
def test_ties_give_the_mean_over_every_order_of_the_tied(rows: list[tuple[int, float]]) -> None:
    score, gain = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    outcomes = RealisedOutcomes(np.column_stack([np.zeros(len(gain)), gain]))
    orders = [o for o in itertools.permutations(range(len(gain))) if all(np.diff(score[list(o)]) <= 0)]
    expected = np.mean([naive_area(gain, list(o)) for o in orders])
    assert area_over_random(outcomes, Router("", score))[0] == pytest.approx(expected, abs=1e-12)


def test_weights_are_the_same_as_repeated_prompts(rng: np.random.Generator) -> None:
    success = rng.integers(0, 2, (40, 2)).astype(float)
    score, times = rng.integers(0, 6, 40).astype(float), rng.integers(0, 4, 40)
    weighted = area_over_random(RealisedOutcomes(success), Router("", score), times[None].astype(float))
    repeated = area_over_random(RealisedOutcomes(success.repeat(times, axis=0)), Router("", score.repeat(times)))
    assert weighted[0] == pytest.approx(repeated[0])


def test_share_is_0_for_constants_1_for_the_oracle_and_minus_1_for_its_reverse(rng: np.random.Generator) -> None:
    outcomes = RealisedOutcomes(rng.integers(0, 2, (200, 2)).astype(float))
    assert oracle_share(outcomes, Router("", np.zeros(200))) == pytest.approx(0)
    assert oracle_share(outcomes, oracle_ranking(outcomes)) == pytest.approx(1)
    assert oracle_share(outcomes, Router("", -outcomes.gain)) == pytest.approx(-1)


def test_random_scores_are_worth_nothing_on_average(rng: np.random.Generator) -> None:
    outcomes = RealisedOutcomes(rng.integers(0, 2, (500, 2)).astype(float))
    shares = [oracle_share(outcomes, Router("", rng.random(500))) or 0 for _ in range(200)]
    assert abs(np.mean(shares)) < 0.015


def test_of_three_arms_each_prompt_takes_its_own() -> None:
    success = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    router = Router.from_uplift("", np.array([[0.9, 0.1], [0.2, 0.8], [0.0, 0.0]]))
    assert router.arm is not None
    assert router.arm.tolist() == [1, 2, 1]
    assert oracle_share(RealisedOutcomes(success), router) == pytest.approx(1)
    assert oracle_share(RealisedOutcomes(success), Router("", router.score)) != pytest.approx(1)


def test_no_share_where_nothing_can_be_gained_or_outcomes_are_not_real() -> None:
    same = np.repeat([[1.0], [0.0]], 2, axis=1)
    assert oracle_share(RealisedOutcomes(same), Router("", np.array([1.0, 0.0]))) is None
    pseudo = RealisedOutcomes(np.array([[0.0, 1.0], [1.0, 1.0]]), realised=False)
    assert oracle_share(pseudo, Router("", np.array([1.0, 0.0]))) is None


def test_reaching_finds_the_first_crossing_between_borders() -> None:
    outcomes = RealisedOutcomes(np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]]))
    paths = RankedGains.of(outcomes, Router("", np.array([4.0, 3.0, 2.0, 1.0]))).paths(np.ones((1, 4)))
    assert paths.gain[0].tolist() == [0, 0.25, 0.5, 0.5, 0.25]
    assert paths.reaching(np.array([0.375]))[0] == pytest.approx(0.375)
    assert paths.reaching(np.array([0.0]))[0] == 0
    assert paths.reaching(np.array([0.9]))[0] == 1


def test_gaps_are_refused_with_the_cure() -> None:
    with pytest.raises(BadInput, match="doubly_robust_outcomes"):
        RealisedOutcomes(np.array([[np.nan, 1.0]]))
    with pytest.raises(BadInput, match="one column an arm"):
        RealisedOutcomes(np.ones((3, 1)))
    with pytest.raises(BadInput, match="price every arm"):
        RealisedOutcomes(np.ones((3, 2)), np.full((3, 2), np.nan))
    with pytest.raises(BadInput, match="must score every prompt"):
        Ranking.of(np.array([1.0, np.nan]))
