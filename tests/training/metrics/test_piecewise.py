"""Piecewise curves: areas, readings and crossings that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics.piecewise import PiecewiseCurves

CURVES = PiecewiseCurves(
    share=np.array([[0.0, 0.5, 1.0], [0.0, 0.25, 1.0]]),
    gain=np.array([[0.0, 0.3, 0.2], [0.0, 0.0, 0.4]]),
    extra_usd=np.array([[0.0, 1.0, 4.0], [0.0, 2.0, 2.0]]),
)


def test_area_is_that_of_trapezoids() -> None:
    assert CURVES.area == pytest.approx([0.5 * 0.15 + 0.5 * 0.25, 0.75 * 0.2])


def test_readings_are_straight_between_borders() -> None:
    assert np.allclose(CURVES.gain_at(np.array([[0.25, 0.75], [0.25, 0.625]])), [[0.15, 0.25], [0.0, 0.2]])
    costs = CURVES.extra_usd_at(np.array([[0.75], [0.125]]))
    assert costs is not None
    assert costs.ravel() == pytest.approx([2.5, 1.0])


def test_costs_are_none_where_they_are_not_known() -> None:
    bare = PiecewiseCurves(CURVES.share, CURVES.gain, None)
    assert bare.extra_usd_at(np.array([[0.5], [0.5]])) is None
    assert bare.joined(CURVES, np.array([0.5, 0.5])).extra_usd is None


def test_the_smallest_share_that_reaches_a_target() -> None:
    assert CURVES.reaching(np.array([0.15, 0.2])) == pytest.approx([0.25, 0.625])
    assert CURVES.reaching(np.array([0.0, 0.0])) == pytest.approx([0.0, 0.0])
    assert CURVES.reaching(np.array([0.31, 0.41])) == pytest.approx([1.0, 1.0])


def test_joining_weighs_by_part() -> None:
    both = CURVES.joined(PiecewiseCurves(CURVES.share, 2 * CURVES.gain, CURVES.extra_usd), np.array([1.0, 0.5]))
    assert both.gain[0].tolist() == CURVES.gain[0].tolist()
    assert both.gain[1] == pytest.approx(1.5 * CURVES.gain[1])
