"""Values of the gate: reasons as they are logged."""

from __future__ import annotations

import numpy as np

from training.metrics.bootstrap import Interval
from training.promotion.gate_types import Promote, RequestWindow, usd_per_thousand


def test_a_promotion_gives_its_gain_as_reason() -> None:
    assert Promote(Interval(0.007, 0.004, 0.01)).reason == "gains 7.00 [4.00, 10.00] USD per 1,000 requests"


def test_a_gain_of_minus_zero_has_no_sign() -> None:
    assert usd_per_thousand(Interval(-0.0, -0.001, 0.001)) == "0.00 [-1.00, 1.00]"


def test_a_window_is_as_long_as_its_requests() -> None:
    table = np.zeros((3, 2))
    assert len(RequestWindow(table, table, table, table, np.zeros(3), np.array([None] * 3, object))) == 3
