"""What each logged prompt says of the loss of not reasoning, so that a certificate holds without paired outcomes.

A doubly robust difference is right on average for every kind of prompt if the recorded propensities are right, whatever
the model that it leans on, and it is bounded where propensities are. Where they are not, the largest loss there is, 1,
counts: that can only make a certificate more careful. No weight is cut, since a cut one would be wrong on average.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.dataset.dataset import Dataset
from training.metrics.risk_control import LossBounds
from training.types import Array

LARGEST_WEIGHT = 20.0
"""Of one call. Larger ones are rare, and would widen the bounds of all losses."""


@dataclass(frozen=True, slots=True, eq=False)
class LoggedLosses:
    """Losses of n prompts that do not reason.

    Parameters
    ----------
    loss
        float64 (n,).
    bounds
        Of a single one.
    untold
        Share of the prompts for which the largest loss was taken.
    """

    loss: Array
    bounds: LossBounds
    untold: float


def logged_losses(dataset: Dataset, model: Array) -> LoggedLosses:
    """Give losses that are right on average, or too large.

    Parameters
    ----------
    dataset
        Two arms; a prompt has outcomes of one of them, or of both, whose plain difference then counts.
    model
        float64 (n, 2), P(success | arm) in [0, 1] by models that have not seen the prompt.
    """
    assert len(dataset.arms) == 2, "of three arms, a log does not tell how likely those were that it did not take"
    rows, arm = np.arange(len(dataset)), np.where(dataset.observed[:, 0], 0, 1)
    calls, propensity = dataset.runs[rows, arm], dataset.propensity[rows, arm]
    # Of several calls of a prompt that is not paired, all went to one arm.
    own, other = propensity**calls, (1.0 - propensity) ** calls
    chance = own / np.maximum(own + other, 1e-300)
    told = np.minimum(chance, 1.0 - chance) >= 1.0 / LARGEST_WEIGHT
    residual = (dataset.success[rows, arm] - model[rows, arm]) / np.maximum(chance, 1.0 / LARGEST_WEIGHT)
    robust = model[:, 1] - model[:, 0] + np.where(arm == 1, residual, -residual)
    realised = dataset.success[:, 1] - dataset.success[:, 0]
    loss = np.where(dataset.paired, realised, np.where(told, robust, 1.0))
    bounds = LossBounds(-LARGEST_WEIGHT, LARGEST_WEIGHT)
    return LoggedLosses(np.asarray(loss, np.float64), bounds, float((~dataset.paired & ~told).mean()))
