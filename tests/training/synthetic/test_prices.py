"""Prices of the synthetic world are those of the kernel's price book, and calls add up by hand."""

from __future__ import annotations

import numpy as np
import pytest

from serving.decision import Arm, Price, Usd
from training.synthetic.prices import price_table

ARMS = (Arm("direct", "m", price=Price(2.0, 8.0, 0.5)), Arm("own", "m2", gpu_usd_per_second=Usd(0.01)))


def test_tokens_and_seconds_add_up() -> None:
    table = price_table(ARMS, 1.8e9)
    arm = np.array([0, 1])
    cost = table.cost_usd(arm, np.full(2, 1000.0), np.full(2, 400.0), np.full(2, 100.0), np.full(2, 2000.0))
    assert cost[0] == pytest.approx((600 * 2.0 + 400 * 0.5 + 100 * 8.0) / 1e6)
    assert cost[1] == pytest.approx(0.01 * 2.0)


def test_arguments_broadcast() -> None:
    table = price_table(ARMS, 1.8e9)
    cost = table.cost_usd(np.array([0, 1]), np.ones((3, 1)), np.zeros((3, 1)), np.zeros((3, 2)), np.zeros((3, 2)))
    assert cost.shape == (3, 2)
    assert (cost[:, 1] == 0.0).all()
