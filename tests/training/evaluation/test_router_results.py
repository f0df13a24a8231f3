"""What holds for the result of any router: curves inside their bands, equal quality at two tolerances."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.evaluations import evaluation_of
from training.evaluation.router_results import NEAR, RouterResult

FOUND = evaluation_of()


@pytest.mark.parametrize("result", FOUND.routers, ids=lambda result: result.name)
def test_a_curve_runs_from_no_reasoning_to_all_and_lies_inside_its_band(result: RouterResult) -> None:
    curve = result.curve
    assert (curve.share[0], curve.share[-1]) == (0.0, 1.0)
    assert (np.diff(curve.share) > 0).all()
    assert (curve.lower <= curve.quality + 1e-9).mean() > 0.95
    assert (curve.quality <= curve.upper + 1e-9).mean() > 0.95
    assert curve.over_random[[0, -1]] == pytest.approx([0.0, 0.0], abs=1e-9)


@pytest.mark.parametrize("result", FOUND.routers, ids=lambda result: result.name)
def test_giving_up_a_point_of_success_never_needs_more_calls(result: RouterResult) -> None:
    assert (result.equal_quality.tolerance, result.near_quality.tolerance) == (0.0, NEAR)
    assert result.near_quality.calls.value <= result.equal_quality.calls.value + 1e-9


def test_only_the_first_router_is_compared_with_nobody() -> None:
    first, *others = FOUND.routers
    assert (first.ahead, first.cheaper_usd) == (None, None)
    assert all(other.ahead is not None and other.cheaper_usd is not None for other in others)
