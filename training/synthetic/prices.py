"""Prices of a synthetic world: the kernel's price book at one moment, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from serving.decision import Arm
from serving.decision.pricing import price_book
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True)
class PriceTable:
    """USD per token and per millisecond, one entry per arm, (K,)."""

    input: Array
    cached_input: Array
    output: Array
    per_ms: Array

    def cost_usd(self, arm: IntArray, input_tokens: Array, cached: Array, output: Array, latency_ms: Array) -> Array:
        """USD of calls; all arguments broadcast, `arm` is the arm's place, `cached` is part of `input_tokens`."""
        tokens = (input_tokens - cached) * self.input[arm] + cached * self.cached_input[arm] + output * self.output[arm]
        cost: Array = tokens + latency_ms * self.per_ms[arm]
        return cost


def price_table(arms: Sequence[Arm], now: float) -> PriceTable:
    """Price the arms as of `now` (epoch seconds), for prompts below any long-prompt tier.

    Raises
    ------
    Unpriced
        If an arm has no price, no GPU price, and a model that the price book doesn't know.
    """
    rates = [card.rates(now, 1.0) for card in price_book(arms).cards]
    return PriceTable(
        np.array([rate.input for rate in rates]),
        np.array([rate.cached_input for rate in rates]),
        np.array([rate.output for rate in rates]),
        np.array([rate.gpu_second for rate in rates]) / 1e3,
    )
