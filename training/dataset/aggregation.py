"""Aggregates rows of a history by prompt and arm, or by prompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.decision import Request
from training.records import conversation, iter_cells
from training.types import Array, BoolArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class CellIndex:
    """Assignment of rows to the cells (prompt, arm) of an n x K table.

    Parameters
    ----------
    cell
        int64 (rows,): prompt x K + arm.
    """

    cell: IntArray
    prompts: int
    arms: int

    def counts(self, rows: BoolArray) -> IntArray:
        """Return the number of selected rows of each cell; int64 (n, K)."""
        counts = np.bincount(self.cell[rows], minlength=self.prompts * self.arms)
        return counts.reshape(self.prompts, self.arms).astype(np.int64, copy=False)

    def means(self, values: Array, rows: BoolArray | None = None) -> Array:
        """Return the mean of the known values of each cell over the selected rows; float64 (n, K), NaN without any."""
        known = ~np.isnan(values) if rows is None else rows & ~np.isnan(values)
        sums = np.bincount(self.cell[known], values[known], self.prompts * self.arms).reshape(self.prompts, self.arms)
        counts = self.counts(known)
        means: Array = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
        return means


@dataclass(frozen=True, slots=True, eq=False)
class DistinctPrompts:
    """Distinct prompts of a file to score."""

    prompt_ids: NDArray[np.object_]
    requests: tuple[Request, ...]


def numeric_column(frame: pd.DataFrame, name: str, default: float = np.nan) -> Array:
    """Return a column as float64 (rows,); `default` where a value or the whole column is missing."""
    if name not in frame:
        return np.full(len(frame), default)
    values: Array = frame[name].to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isnan(values), default, values)


def first_rows(codes: IntArray, size: int) -> IntArray:
    """Return the first row of each code; -1 where no row has it.

    Examples
    --------
    >>> first_rows(np.array([1, 0, 1]), 3).tolist()
    [1, 0, -1]
    """
    first = np.full(size, -1, np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first


def first_labels(frame: pd.DataFrame, name: str, codes: IntArray, size: int) -> NDArray[np.object_]:
    """Return the first known label of each code; object (size,), None where there is none."""
    labels = np.full(size, None, object)
    if name not in frame:
        return labels
    known = np.flatnonzero(frame[name].notna().to_numpy())
    first = first_rows(codes[known], size)
    found = first >= 0
    labels[found] = frame[name].iloc[known[first[found]]].astype(object).to_numpy()
    return labels


def latest_times(timestamp: Array, codes: IntArray, size: int) -> Array:
    """Return the latest time of each code; float64 (size,), NaN where none is known."""
    times = np.full(size, -np.inf)
    np.maximum.at(times, codes, np.where(np.isnan(timestamp), -np.inf, timestamp))
    return np.where(np.isinf(times), np.nan, times)


def row_requests(
    frame: pd.DataFrame, rows: IntArray, tasks: NDArray[np.object_], tenants: NDArray[np.object_]
) -> tuple[Request, ...]:
    """Parse the requests of the given rows."""
    texts = iter_cells(frame.get("prompt"), rows)
    messages = iter_cells(frame.get("messages"), rows)
    return tuple(
        Request(conversation(text, message), tenant=tenant, task=task)
        for text, message, task, tenant in zip(texts, messages, tasks, tenants, strict=True)
    )


def distinct_prompts(frame: pd.DataFrame) -> DistinctPrompts:
    """Return the distinct prompts of a frame in order of first occurrence."""
    codes, prompt_ids = pd.factorize(frame["prompt_id"].astype(object))
    size = len(prompt_ids)
    tasks, tenant = (first_labels(frame, name, codes, size) for name in ("task", "tenant"))
    return DistinctPrompts(np.asarray(prompt_ids, object), row_requests(frame, first_rows(codes, size), tasks, tenant))
