"""Training dataset: outcome records pivoted to one row per prompt and one column per arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.decision import Arm, BadArms, Request
from training.dataset.aggregation import (
    CellIndex,
    first_labels,
    first_rows,
    latest_times,
    numeric_column,
    row_requests,
)
from training.dataset.requirements import MINIMUM_PROMPTS, require_labels, require_prompts, require_two
from training.errors import BadHistory
from training.types import Array, BoolArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """n prompts x K arms; the first arm is the baseline.

    Parameters
    ----------
    requests
        n of them, sorted by prompt id.
    prompt_ids, tasks, tenant
        object (n,); task and tenant are None where not known.
    arms
        K of them.
    success
        float64 (n, K), mean success of the runs; NaN where none is known.
    runs
        int64 (n, K), number of calls behind `success`.
    propensity
        float64 (n, K), probability with which the logging policy picked that arm: NaN where `success` is, 1.0 on
        paired prompts, whose arms were all called.
    output_tokens, reasoning_tokens, latency_ms, cost_usd, input_tokens
        float64 (n, K), means over all calls of that arm, also those whose success is not known; NaN where unknown.
    timestamp
        float64 (n,), epoch seconds of the prompt's latest call, or NaN.
    """

    requests: tuple[Request, ...]
    prompt_ids: NDArray[np.object_]
    tasks: NDArray[np.object_]
    arms: tuple[Arm, ...]
    success: Array
    runs: IntArray
    propensity: Array
    output_tokens: Array
    reasoning_tokens: Array
    latency_ms: Array
    cost_usd: Array
    input_tokens: Array
    timestamp: Array
    tenant: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def observed(self) -> BoolArray:
        """Where the success of an arm is known, bool (n, K)."""
        return ~np.isnan(self.success)

    @property
    def paired(self) -> BoolArray:
        """Where the success of every arm is known, bool (n,)."""
        return np.asarray(self.observed.all(axis=1), np.bool_)

    @property
    def is_paired(self) -> bool:
        """Whether every prompt is paired."""
        return bool(self.paired.all())

    def subset(self, selection: IntArray | BoolArray) -> Dataset:
        """Select prompts by row (order and repeats are kept) or by mask (n,)."""
        rows = np.flatnonzero(selection) if selection.dtype == np.bool_ else selection
        return Dataset(
            requests=tuple(self.requests[row] for row in rows),
            prompt_ids=self.prompt_ids[rows],
            tasks=self.tasks[rows],
            arms=self.arms,
            success=self.success[rows],
            runs=self.runs[rows],
            propensity=self.propensity[rows],
            output_tokens=self.output_tokens[rows],
            reasoning_tokens=self.reasoning_tokens[rows],
            latency_ms=self.latency_ms[rows],
            cost_usd=self.cost_usd[rows],
            input_tokens=self.input_tokens[rows],
            timestamp=self.timestamp[rows],
            tenant=self.tenant[rows],
        )


def build_dataset(frame: pd.DataFrame, arms: Sequence[Arm], *, minimum: int = MINIMUM_PROMPTS) -> Dataset:
    """Group records by prompt and average the runs of each arm.

    Parameters
    ----------
    frame
        One row per call, as `training.records.history.read` gives it. Needs `prompt_id`, `prompt` or
        `messages`, `arm` and `success`; other columns may be absent.
    arms
        K >= 2, baseline first. `infer_arms(frame)` derives them from the history.
    minimum
        Minimum of labelled prompts.

    Returns
    -------
    Dataset
        Prompts with at least one known success, sorted by prompt id.

    Raises
    ------
    TooLittleToLearn
        One arm only, no success known, all successes equal, or too few labelled prompts.
    BadArms
        If the history has an arm that `arms` does not list, or `arms` has fewer than two.
    """
    names = [arm.name for arm in arms]
    if len(names) < 2:
        raise BadArms(f"{len(names)} arm: list the baseline and at least one more")
    require_two(sorted(str(name) for name in frame["arm"].dropna().unique()))
    success = numeric_column(frame, "success")
    require_labels(success[~np.isnan(success)])
    dataset = group_dataset(frame, arms)
    require_prompts(dataset.runs, names, minimum)
    return dataset


def group_dataset(frame: pd.DataFrame, arms: Sequence[Arm]) -> Dataset:
    """Group records by prompt as `build_dataset`, without minimum requirements."""
    arm_codes = _arm_codes(frame, [arm.name for arm in arms])
    success = numeric_column(frame, "success")
    labelled = ~np.isnan(success)
    codes, prompt_ids = pd.factorize(frame["prompt_id"].astype(object), sort=True)
    size = len(prompt_ids)
    index = CellIndex(codes * len(arms) + arm_codes, size, len(arms))
    runs = index.counts(labelled)
    kept = np.flatnonzero(runs.any(axis=1))
    table = index.means(success)[kept]
    tasks, tenant = (first_labels(frame, name, codes, size)[kept] for name in ("task", "tenant"))
    return Dataset(
        requests=row_requests(frame, first_rows(codes, size)[kept], tasks, tenant),
        prompt_ids=np.asarray(prompt_ids, object)[kept],
        tasks=tasks,
        arms=tuple(arms),
        success=table,
        runs=runs[kept],
        propensity=_propensity(index.means(numeric_column(frame, "propensity", 1.0), labelled)[kept], table),
        output_tokens=index.means(numeric_column(frame, "output_tokens"))[kept],
        reasoning_tokens=index.means(numeric_column(frame, "reasoning_tokens"))[kept],
        latency_ms=index.means(numeric_column(frame, "latency_ms"))[kept],
        cost_usd=index.means(numeric_column(frame, "cost_usd"))[kept],
        input_tokens=index.means(numeric_column(frame, "input_tokens"))[kept],
        timestamp=latest_times(numeric_column(frame, "timestamp"), codes, size)[kept],
        tenant=tenant,
    )


def _propensity(propensity: Array, success: Array) -> Array:
    unknown = np.isnan(success)
    return np.where(unknown, np.nan, np.where(unknown.any(axis=1, keepdims=True), propensity, 1.0))


def _arm_codes(frame: pd.DataFrame, names: list[str]) -> IntArray:
    present = sorted(str(name) for name in frame["arm"].dropna().unique())
    if unknown := sorted(set(present) - set(names)):
        raise BadArms(f"the history has arms that are not listed: {', '.join(unknown)}. Add them to arms.toml")
    codes = pd.Categorical(frame["arm"].astype(object), categories=names).codes.astype(np.int64)
    if (codes < 0).any():
        raise BadHistory(f"{(codes < 0).sum()} rows have no arm: fill the column `arm`")
    return codes
