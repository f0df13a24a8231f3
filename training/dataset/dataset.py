"""Turns outcome records into one row per prompt with every arm beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.decision.errors import BadArms
from serving.decision.types import Arm, Request
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

FloatTable = NDArray[np.float64]
Index = NDArray[np.int64]


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
    success: FloatTable
    runs: Index
    propensity: FloatTable
    output_tokens: FloatTable
    reasoning_tokens: FloatTable
    latency_ms: FloatTable
    cost_usd: FloatTable
    input_tokens: FloatTable
    timestamp: NDArray[np.float64]
    tenant: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.requests)

    @property
    def observed(self) -> NDArray[np.bool_]:
        """(n, K): is the success of that arm known?"""
        return ~np.isnan(self.success)

    @property
    def paired(self) -> NDArray[np.bool_]:
        """(n,): is the success of every arm known?"""
        return np.asarray(self.observed.all(axis=1), np.bool_)

    @property
    def is_paired(self) -> bool:
        """Is every prompt paired?"""
        return bool(self.paired.all())

    def subset(self, index: Index | NDArray[np.bool_]) -> Dataset:
        """Take prompts by place (order and repeats are kept) or by mask (n,)."""
        places = np.flatnonzero(index) if index.dtype == np.bool_ else index
        return Dataset(
            requests=tuple(self.requests[place] for place in places),
            prompt_ids=self.prompt_ids[places],
            tasks=self.tasks[places],
            arms=self.arms,
            success=self.success[places],
            runs=self.runs[places],
            propensity=self.propensity[places],
            output_tokens=self.output_tokens[places],
            reasoning_tokens=self.reasoning_tokens[places],
            latency_ms=self.latency_ms[places],
            cost_usd=self.cost_usd[places],
            input_tokens=self.input_tokens[places],
            timestamp=self.timestamp[places],
            tenant=self.tenant[places],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Places of the prompts to learn from and of those to judge by; both ascending, no prompt in both."""

    train: Index
    test: Index


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
        Labelled prompts needed at least.

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
    """Group records by prompt and average the runs of each arm, however few there are; else as `build_dataset`."""
    arm_codes = _arm_codes(frame, [arm.name for arm in arms])
    success = numeric_column(frame, "success")
    labelled = ~np.isnan(success)
    codes, prompt_ids = pd.factorize(frame["prompt_id"].astype(object), sort=True)
    size = len(prompt_ids)
    grid = CellIndex(codes * len(arms) + arm_codes, size, len(arms))
    runs = grid.counts(labelled)
    kept = np.flatnonzero(runs.any(axis=1))
    table = grid.means(success)[kept]
    tasks, tenant = (first_labels(frame, name, codes, size)[kept] for name in ("task", "tenant"))
    return Dataset(
        requests=row_requests(frame, first_rows(codes, size)[kept], tasks, tenant),
        prompt_ids=np.asarray(prompt_ids, object)[kept],
        tasks=tasks,
        arms=tuple(arms),
        success=table,
        runs=runs[kept],
        propensity=_propensity(grid.means(numeric_column(frame, "propensity", 1.0), labelled)[kept], table),
        output_tokens=grid.means(numeric_column(frame, "output_tokens"))[kept],
        reasoning_tokens=grid.means(numeric_column(frame, "reasoning_tokens"))[kept],
        latency_ms=grid.means(numeric_column(frame, "latency_ms"))[kept],
        cost_usd=grid.means(numeric_column(frame, "cost_usd"))[kept],
        input_tokens=grid.means(numeric_column(frame, "input_tokens"))[kept],
        timestamp=latest_times(numeric_column(frame, "timestamp"), codes, size)[kept],
        tenant=tenant,
    )


def split_by_prompt(dataset: Dataset, folds: int, rng: np.random.Generator) -> tuple[Split, ...]:
    """Part the prompts at random into folds that share every task evenly; each prompt is tested once."""
    order = rng.permutation(len(dataset))
    tasks = pd.factorize(dataset.tasks[order], use_na_sentinel=False)[0]
    fold = np.empty(len(dataset), np.int64)
    fold[order[np.argsort(tasks, kind="stable")]] = np.arange(len(dataset)) % folds
    return _splits(fold, folds)


def split_by_task(dataset: Dataset, folds: int, rng: np.random.Generator) -> tuple[Split, ...]:
    """Part the tasks at random into folds, so that a tested task was never seen; prompts without a task are one task.

    Raises
    ------
    BadHistory
        If there are fewer tasks than folds.
    """
    tasks, names = pd.factorize(dataset.tasks, use_na_sentinel=False)
    if len(names) < folds:
        raise BadHistory(f"{len(names)} tasks can't make {folds} folds: ask for fewer, or label the prompts' `task`")
    order = rng.permutation(len(names))
    sizes = np.bincount(tasks)
    fold_of_task, load = np.empty(len(names), np.int64), np.zeros(folds)
    for task in order[np.argsort(-sizes[order], kind="stable")]:  # largest first into the emptiest fold
        fold_of_task[task] = load.argmin()
        load[fold_of_task[task]] += sizes[task]
    return _splits(fold_of_task[tasks], folds)


def split_by_time(dataset: Dataset, test_share: float = 0.2) -> Split:
    """Learn from the past, judge by what came after; equal times stay together, prompts without a time are learnt from.

    Raises
    ------
    BadHistory
        If there are not two different timestamps.
    """
    times = np.sort(dataset.timestamp[~np.isnan(dataset.timestamp)])
    if not len(times) or times[0] == times[-1]:
        raise BadHistory("no split by time without two different timestamps: fill the column `timestamp`")
    cut = max(times[min(int(len(times) * (1 - test_share)), len(times) - 1)], times[times > times[0]][0])
    late = dataset.timestamp >= cut
    return Split(np.flatnonzero(~late), np.flatnonzero(late))


def _splits(fold: Index, folds: int) -> tuple[Split, ...]:
    return tuple(Split(np.flatnonzero(fold != place), np.flatnonzero(fold == place)) for place in range(folds))


def _propensity(propensity: FloatTable, success: FloatTable) -> FloatTable:
    unknown = np.isnan(success)
    return np.where(unknown, np.nan, np.where(unknown.any(axis=1, keepdims=True), propensity, 1.0))


def _arm_codes(frame: pd.DataFrame, names: list[str]) -> Index:
    present = sorted(str(name) for name in frame["arm"].dropna().unique())
    if unknown := sorted(set(present) - set(names)):
        raise BadArms(f"the history has arms that are not listed: {', '.join(unknown)}. Add them to arms.toml")
    codes = pd.Categorical(frame["arm"].astype(object), categories=names).codes.astype(np.int64)
    if (codes < 0).any():
        raise BadHistory(f"{(codes < 0).sum()} rows have no arm: fill the column `arm`")
    return codes
