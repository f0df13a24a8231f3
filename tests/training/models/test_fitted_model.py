"""Values of a fitted model: piecewise maps, and heads beside their weights and tails."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import tiny_models as tiny
from training.models.fitted_model import PiecewiseLinear, TreeHead


def test_a_piecewise_map_is_linear_between_knots_and_constant_outside() -> None:
    mapped = PiecewiseLinear(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 1.0]))
    assert mapped(np.array([-5.0, 0.5, 1.0, 2.0, 9.0])).tolist() == [0.0, 1.0, 2.0, 1.5, 1.0]
    assert mapped(np.zeros((2, 3))).shape == (2, 3)


def test_one_knot_is_a_constant() -> None:
    assert PiecewiseLinear(np.array([0.0]), np.array([0.7]))(np.array([-1.0, 1.0])).tolist() == [0.7, 0.7]


def test_boosters_stand_beside_their_weights_and_tails() -> None:
    boosters = tiny.model(2).success[0].score.boosters[:1] * 2
    plain = TreeHead(boosters, (0.25, 0.75))
    assert [(weight, tail) for _, weight, tail in plain.parts] == [(0.25, ()), (0.75, ())]
    shared = TreeHead(boosters, (0.25, 0.75), tails=((1.0,), (0.0,)))
    assert [tail for *_, tail in shared.parts] == [(1.0,), (0.0,)]


def test_a_head_with_a_missing_weight_is_an_error() -> None:
    boosters = tiny.model(2).success[0].score.boosters[:1] * 2
    with pytest.raises(ValueError, match="zip"):
        _ = TreeHead(boosters, (1.0,)).parts


@pytest.mark.parametrize("arms", [2, 3])
def test_a_model_has_a_head_per_arm_and_an_uplift_per_other_arm(arms: int) -> None:
    model = tiny.model(arms)
    assert (len(model.success), len(model.uplift)) == (arms, arms - 1)
