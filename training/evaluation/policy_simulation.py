"""Simulates a policy on prompts with given forecasts: the arm and bucket that it would choose for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from serving.decision import Arm, Engine, Prediction, Request, Unpriced
from serving.decision.policy import Policy
from training.models import Fitted
from training.types import Array, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedChoices:
    """Choices of one policy on n prompts.

    Parameters
    ----------
    arm
        int64 (n,), place of the chosen arm.
    buckets
        n of `use`, `maybe`, `avoid`.
    """

    arm: IntArray
    buckets: tuple[str, ...]


class _ReplayedForecasts:
    """A model that returns given forecasts in order; the engine asks once per request."""

    def __init__(self, arms: tuple[Arm, ...], tasks: tuple[str, ...], forecasts: Sequence[Prediction]) -> None:
        self.arms = arms
        self.tasks = tasks
        self.bundle_id = "ready forecasts"
        self._left: Iterator[Prediction] = iter(forecasts)

    def predict_request(self, request: Request) -> Prediction:  # noqa: ARG002 - the next one in turn is this one's
        return next(self._left)


def simulate_policy(
    arms: Sequence[Arm],
    tasks: Sequence[str],
    requests: Sequence[Request],
    forecasts: Sequence[Prediction],
    policy: Policy | None = None,
) -> SimulatedChoices | None:
    """Decide every request as the server would, from these forecasts; None where an arm has no price.

    Parameters
    ----------
    tasks
        Names of the task probabilities in the forecasts.
    requests, forecasts
        n each, in the same order.
    policy
        The built-in default where None.
    """
    try:
        engine = Engine(_ReplayedForecasts(tuple(arms), tuple(tasks), forecasts), policy, ids=lambda: "evaluation")
    except Unpriced:
        return None
    place = {arm.name: k for k, arm in enumerate(arms)}
    decisions = [engine.decide(request) for request in requests]
    return SimulatedChoices(np.array([place[d.arm] for d in decisions], np.int64), tuple(d.bucket for d in decisions))


def out_of_fold(fitted: Fitted, support: Array, rows: IntArray) -> tuple[Prediction, ...]:
    """Forecasts of m training prompts by models that have not seen them, as a bundle would give them.

    Parameters
    ----------
    support
        float64 (m,), support of each prompt; it widens the interval of uplift.
    rows
        int64 (m,), places of the prompts.
    """
    score, success, uplift = fitted.oof_score[rows], fitted.oof_success[rows], fitted.oof_uplift[rows]
    wide = 1 + fitted.model.widening * (1 - support)
    below, above = (
        np.column_stack([getattr(head, end)(score[:, j]) for j, head in enumerate(fitted.model.uplift)])
        for end in ("below", "above")
    )
    lower = np.clip(uplift - below * wide[:, None], -1, 1)
    upper = np.clip(uplift + above * wide[:, None], -1, 1)
    tokens, latency = fitted.oof_tokens[:, rows], fitted.oof_latency[:, rows]
    return tuple(
        Prediction(
            success=_row(success, row),
            uplift=_row(uplift, row),
            uplift_lower=_row(lower, row),
            uplift_upper=_row(upper, row),
            output_tokens_mean=_row(tokens[0], row),
            output_tokens_p95=_row(tokens[1], row),
            latency_mean_ms=_row(latency[0], row),
            latency_p95_ms=_row(latency[1], row),
            support=float(support[row]),
        )
        for row in range(len(rows))
    )


def _row(table: Array, row: int) -> tuple[float, ...]:
    return tuple(table[row].tolist())
