"""Quantises a token table to a grid on which sums are exact, so that an average does not depend on the order of adding.

A split `x <= t` turns the last bit of `x` into another leaf. Sums of float32 depend on their order: on batch size,
processor and library. Whole numbers don't, as long as they stay below 2**24: a table of int16 steps, whose step is a
power of two, gives bit-equal embeddings in training, in one-row serving and in batches; and it takes half the memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, frexp, log2
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serving.decision import FloatArray

EXACT_BITS: Final = 24
"""float32 holds all whole numbers up to 2**24."""


@dataclass(frozen=True, slots=True)
class QuantizedTable:
    """A table in whole steps.

    Parameters
    ----------
    steps
        int16 (V, D).
    step
        A power of two; `steps * step` is the table.
    """

    steps: NDArray[np.int16]
    step: float


def quantize(table: FloatArray, max_tokens: int) -> QuantizedTable:
    """Round a table to the finest grid on which the sum of `max_tokens` rows is exact; a rounded one stays as it is.

    Parameters
    ----------
    table
        float32 (V, D).
    max_tokens
        Rows that one sum may hold.

    Examples
    --------
    >>> table = quantize(np.array([[1.0, -0.25]], np.float32), 512)
    >>> table.steps.tolist(), table.step
    ([[16384, -4096]], 6.103515625e-05)
    """
    bits = min(EXACT_BITS - ceil(log2(max(max_tokens, 1))), 15)
    largest = float(np.abs(table).max(initial=0.0))
    step = 2.0 ** (frexp(largest)[1] - bits) if largest else 1.0
    limit = 2**bits - 1
    steps = np.clip(np.round(table / np.float32(step)), -limit, limit).astype(np.int16)
    return QuantizedTable(steps, step)


def quantized_values(table: FloatArray, max_tokens: int) -> FloatArray:
    """Give the table with every value moved to its grid; float32 (V, D)."""
    grid = quantize(table, max_tokens)
    return grid.steps.astype(np.float32) * np.float32(grid.step)
