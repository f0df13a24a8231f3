"""Off-policy evaluation of a logged history: the value of policies, and losses that a certificate can rest on.

The loss of not reasoning is a doubly robust difference: unbiased for every prompt if the recorded propensities are
right, whatever the model that it uses, and bounded where propensities are. Where they are not, the largest possible
loss, 1, counts: that can only make a certificate more conservative. Weights are not clipped there, since clipping
would bias them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from serving.decision import BadInput
from training.dataset import Dataset
from training.metrics import LoggedTraffic, LossBounds, PolicyValue, UnsupportedPolicy, policy_value
from training.types import Array, IntArray

LOGGED_NOTES = (
    "This history is logged: one arm served each prompt. Success of the other arms is a doubly robust estimate, right "
    "on average if the recorded propensities are right, and noisy for one prompt: so no oracle and no learning curve.",
    "Costs of arms that did not serve a prompt are priced from forecast tokens.",
)
MAX_WEIGHT = 50.0
"""Inverse propensities are clipped here; the report says how many were."""
MINIMUM = 30
"""Fewer logged prompts are too few to value a policy on."""
LARGEST_WEIGHT = 20.0
"""Of one call. Larger weights are rare, and would widen the bounds of all losses."""


@dataclass(frozen=True, slots=True)
class LoggedValues:
    """Values of the policies that the log supports, and a note for each that it does not."""

    policies: tuple[PolicyValue, ...] = ()
    notes: tuple[str, ...] = ()


def logged_values(dataset: Dataset, model: Array, targets: Mapping[str, IntArray]) -> LoggedValues:
    """Value deterministic policies on the prompts that exactly one arm answered.

    Parameters
    ----------
    model
        float64 (n, K), forecast success by models that have not seen the prompt.
    targets
        Name of a policy -> int64 (n,), the arm that it would take.
    """
    single = dataset.observed.sum(axis=1) == 1
    rows = np.flatnonzero(single)
    if len(rows) < MINIMUM:
        return LoggedValues()
    arm = dataset.observed[rows].argmax(axis=1).astype(np.int64)
    log = LoggedTraffic(arm, dataset.success[rows, arm], dataset.propensity[rows, arm], len(dataset.arms))
    policies, notes = [], []
    for name, chosen in targets.items():
        target = np.eye(len(dataset.arms))[chosen[rows]]
        try:
            policies.append(policy_value(name, log, target, model[rows], max_weight=MAX_WEIGHT))
        except (UnsupportedPolicy, BadInput) as error:
            notes.append(f"The log does not support an estimate for '{name}': {error}.")
    return LoggedValues(tuple(policies), tuple(notes))


@dataclass(frozen=True, slots=True, eq=False)
class LoggedLosses:
    """Losses of not reasoning on n prompts.

    Parameters
    ----------
    loss
        float64 (n,).
    bounds
        Of a single one.
    unknown_share
        Share of the prompts for which the largest loss was taken.
    """

    loss: Array
    bounds: LossBounds
    unknown_share: float


def logged_losses(dataset: Dataset, model: Array) -> LoggedLosses:
    """Give the loss of not reasoning on every prompt: unbiased, or an upper bound.

    Parameters
    ----------
    dataset
        Two arms; where a prompt has outcomes of both, their plain difference counts.
    model
        float64 (n, 2), P(success | arm) in [0, 1] by models that have not seen the prompt.
    """
    assert len(dataset.arms) == 2, "a log of three or more arms has no propensities of the other arms"
    rows, arm = np.arange(len(dataset)), np.where(dataset.observed[:, 0], 0, 1)
    calls, propensity = dataset.runs[rows, arm], dataset.propensity[rows, arm]
    # Of several calls of a prompt that is not paired, all went to one arm.
    own, other = propensity**calls, (1.0 - propensity) ** calls
    chance = own / np.maximum(own + other, 1e-300)
    bounded = np.minimum(chance, 1.0 - chance) >= 1.0 / LARGEST_WEIGHT
    residual = (dataset.success[rows, arm] - model[rows, arm]) / np.maximum(chance, 1.0 / LARGEST_WEIGHT)
    robust = model[:, 1] - model[:, 0] + np.where(arm == 1, residual, -residual)
    realised = dataset.success[:, 1] - dataset.success[:, 0]
    loss = np.where(dataset.paired, realised, np.where(bounded, robust, 1.0))
    bounds = LossBounds(-LARGEST_WEIGHT, LARGEST_WEIGHT)
    return LoggedLosses(np.asarray(loss, np.float64), bounds, float((~dataset.paired & ~bounded).mean()))
