"""Evidence: rates, subsets and notes."""

from __future__ import annotations

import numpy as np

from training.savings.evidence import rate_of


def test_days_are_read_off_the_times() -> None:
    times = np.array([0.0, 86_400.0, np.nan, 2 * 86_400.0])
    assert rate_of(times, None) == (2.0, False)
    assert rate_of(times[:1], None) == (10_000.0, True)
    assert rate_of(times, 7.0) == (7.0, False)
