"""Quantised token tables: exact sums, nearest steps, nothing lost twice."""

from __future__ import annotations

import numpy as np
import pytest

from training.encoders.quantization import quantize, quantized_values

TABLE = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)


@pytest.mark.parametrize("tokens", [1, 64, 512, 4096])
def test_sums_of_as_many_rows_as_promised_are_exact_in_any_order(tokens: int) -> None:
    values = quantized_values(TABLE, tokens)
    drawn = values[np.random.default_rng(1).integers(0, len(values), tokens)]
    exact = drawn.astype(np.float64).sum(axis=0)
    for rows in (drawn, drawn[::-1], drawn[np.argsort(drawn[:, 0])]):
        total = np.zeros(8, np.float32)
        for row in rows:
            total += row
        assert np.array_equal(total, exact)


def test_values_move_by_half_a_step_at_most_and_the_step_is_a_power_of_two() -> None:
    table = quantize(TABLE, 512)
    assert np.log2(table.step) == round(np.log2(table.step))
    assert np.abs(quantized_values(TABLE, 512) - TABLE).max() <= table.step / 2


def test_a_quantised_table_stays_as_it_is() -> None:
    once = quantized_values(TABLE, 512)
    assert np.array_equal(quantized_values(once, 512), once)


def test_more_tokens_need_a_coarser_step() -> None:
    assert quantize(TABLE, 4096).step > quantize(TABLE, 512).step


def test_a_table_of_zeros_stays_zero() -> None:
    assert not quantized_values(np.zeros((3, 2), np.float32), 512).any()
