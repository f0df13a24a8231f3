"""A small paired or logged history with known truth, and a fit on it; each is made once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from serving.decision.types import Arm
from tests.support.toy_datasets import chances, dataset, toy_rows
from training.dataset.dataset import Dataset
from training.evaluation.evaluate import ReportTitles
from training.evaluation.out_of_fold import evaluate_out_of_fold
from training.evaluation.results import Evaluation
from training.models.boosting import TreeSettings
from training.models.fit import FitSettings, Fitted, fit
from training.types import Array

SETTINGS = FitSettings(trees=TreeSettings(rounds=25, leaves=7), folds=3, threads=1)


PRICED = (Arm("direct", "gpt-5.1", "none"), Arm("reasoning", "gpt-5.1", "high"))


N = 600


@dataclass(frozen=True)
class Settings:
    epsilon: float = 0.05
    delta: float = 0.1
    resamples: int = 40
    baselines: bool = True
    fit: FitSettings = SETTINGS


@dataclass(frozen=True)
class FittedHistory:
    data: Dataset
    x: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    truth: Array
    fitted: Fitted

    def evaluated(self, settings: Settings | None = None) -> Evaluation:
        embedding, features = self.x[:, :4], self.x[:, 4:]
        titles = ReportTitles("t", "made up", synthetic=True)
        return evaluate_out_of_fold(
            titles, self.data, self.fitted, embedding, features, settings or Settings(), x=self.x
        )


@cache
def fitted_history(*, logged: bool) -> FittedHistory:
    rng = np.random.default_rng(3)
    x = toy_rows(N, rng)
    truth = chances(x)
    # Yesterday's policy reasons where reasoning helps: confounded, with overlap.
    reason = np.clip(0.5 + 0.3 * np.tanh(x[:, 0]), 0.1, 0.9)
    data = dataset(truth, rng, np.column_stack([1 - reason, reason]) if logged else None)
    tasks = np.array([f"task {i}" for i in (x[:, 2] > 0) * 4 + (x[:, 3] > 0) * 2 + (x[:, 4] > 0)], object)
    tokens = np.where(data.observed, np.exp(rng.normal([4.0, 7.0], 0.3, (N, 2))), np.nan)
    inputs = np.where(data.observed, 100.0, np.nan)
    data = replace(data, arms=PRICED, tasks=tasks, output_tokens=tokens, input_tokens=inputs)
    return FittedHistory(data, x, truth, fit(data, x, SETTINGS))
