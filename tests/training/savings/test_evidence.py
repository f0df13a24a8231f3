"""Evidence: rates, subsets and notes."""

from __future__ import annotations

import numpy as np
import pytest

from serving.decision.errors import BadInput
from tests.support.savings_cases import FOUR, evidence
from training.savings.evidence import cost_notes, rate_of


def test_days_are_read_off_the_times() -> None:
    times = np.array([0.0, 86_400.0, np.nan, 2 * 86_400.0])
    assert rate_of(times, None) == (2.0, False)
    assert rate_of(times[:1], None) == (10_000.0, True)
    assert rate_of(times, 7.0) == (7.0, False)


def test_rates_of_zero_are_refused() -> None:
    with pytest.raises(BadInput, match="above 0"):
        rate_of(np.zeros(3), 0.0)


def test_a_subset_keeps_its_share_of_the_traffic() -> None:
    part = FOUR.subset(np.array([True, False, False, True]))
    assert (len(part), part.per_day) == (2, 50.0)
    np.testing.assert_array_equal(part.success, FOUR.success[[0, 3]])
    assert part.noting(("new",)).notes == ("new",)


def test_requests_are_paired_where_every_arm_is_known() -> None:
    partial = evidence([[1, np.nan], [1, 0]], np.zeros((2, 2)), np.zeros((2, 2)), [0, 0])
    assert partial.paired.tolist() == [False, True]


def test_missing_costs_are_counted_among_known_outcomes() -> None:
    success = np.array([[1.0, np.nan], [0.0, 1.0]])
    assert cost_notes(np.ones((2, 2)), success) == ()
    cost = np.array([[np.nan, np.nan], [1.0, 1.0]])
    assert cost_notes(cost, success)[0].startswith("33% of the calls")
