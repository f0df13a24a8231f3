"""What policies would have earned on a logged history: the off-policy part of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from serving.decision.errors import BadInput
from training.dataset.dataset import Dataset
from training.metrics.off_policy import LoggedTraffic, PolicyValue, UnsupportedPolicy, policy_value
from training.types import Array, IntArray

MAX_WEIGHT = 50.0
"""Inverse propensities are cut here; the report says how many were."""
MINIMUM = 30
"""Fewer logged prompts say nothing."""


@dataclass(frozen=True, slots=True)
class LoggedValues:
    """Values of the policies that the log can speak of, and a sentence for each that it can't."""

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
            notes.append(f"The log can't tell what '{name}' would have earned: {error}.")
    return LoggedValues(tuple(policies), tuple(notes))
