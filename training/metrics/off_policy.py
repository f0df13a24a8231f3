"""Off-policy evaluation of another policy on logged traffic: IPS, SNIPS and DR, with intervals and overlap checks.

The three estimators are means of per-request influence values. Intervals use Student's t; for SNIPS with the
jackknife's residuals (divided by 1 - own share of the weight) and degrees of freedom from the effective sample size, as
the plain delta method covers too seldom when few requests carry the weight. IPS is the unbiased reference; with rare
large weights its interval is too narrow, which only more overlap cures: decide by DR or SNIPS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from serving.decision import BadInput
from training.metrics.bootstrap import Interval
from training.types import Array, IntArray

Estimator = Literal["ips", "snips", "dr"]


class UnsupportedPolicy(BadInput):
    """The log never tried what the target policy would do, so its value can't be read from it."""


@dataclass(frozen=True, slots=True)
class LoggedTraffic:
    """Logged traffic: one arm a request.

    Parameters
    ----------
    arm
        int64 (n,), the arm that served it.
    reward
        float64 (n,), success, or any payoff.
    propensity
        float64 (n,), probability in (0, 1] with which the logging policy picked that arm.
    arms
        K.
    """

    arm: IntArray
    reward: Array
    propensity: Array
    arms: int

    def __post_init__(self) -> None:
        if len(self.arm) < 2:
            raise BadInput(f"{len(self.arm)} logged requests: off-policy evaluation needs at least 2")
        if not np.isfinite(self.reward).all():
            raise BadInput("a reward is unknown: keep only requests whose outcome has been reported")
        if not ((self.propensity > 0) & (self.propensity <= 1)).all():
            raise BadInput("a propensity lies outside (0, 1]: log the probability of the arm that was chosen")
        if self.arm.min() < 0 or self.arm.max() >= self.arms:
            raise BadInput(f"an arm number lies outside 0..{self.arms - 1}: encode arms in the order of arms.toml")


@dataclass(frozen=True, slots=True)
class PolicyOverlap:
    """How much of the target policy the log has seen.

    Parameters
    ----------
    effective_size
        Kish's (sum w)^2 / sum w^2: the log is worth this many requests of the target policy.
    mean_weight
        1 within its interval where propensities are right and overlap is full.
    clipped
        Share of requests whose weight was cut.
    matched
        Share of requests whose logged arm the target policy gives any probability.
    """

    requests: int
    effective_size: float
    mean_weight: Interval
    clipped: float
    matched: float


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """Value of a target policy, by three estimators; `dr` is None without an outcome model."""

    policy: str
    ips: Interval
    snips: Interval
    dr: Interval | None
    logged: Interval
    overlap: PolicyOverlap


@dataclass(frozen=True, slots=True)
class _Influence:
    """A value and what each request adds to it: mean(parts) = value, spread(parts) / sqrt(n) = standard error."""

    value: float
    parts: Array
    degrees: float

    def interval(self, level: float) -> Interval:
        n = len(self.parts)
        half = float(stdtrit(self.degrees, (1 + level) / 2) * np.std(self.parts, ddof=1) / np.sqrt(n))
        return Interval(self.value, self.value - half, self.value + half, level)


def doubly_robust_outcomes(outcome: Array, propensity: Array, model: Array, max_weight: float = np.inf) -> Array:
    """Give the doubly robust outcome of every arm: forecast, plus the weighted residual where observed.

    Unbiased for every arm if the propensities or the model are right; single values leave [0, 1].

    Parameters
    ----------
    outcome
        float64 (n, K), NaN where the arm was not observed.
    propensity
        float64 (n, K), probability that the outcome is observed; ignored where it was not.
    model
        float64 (n, K), forecasts of the outcome, from a fit that has not seen the prompt.
    max_weight
        Inverse propensities are clipped here: less variance, and bias only as far as the model is wrong.

    Returns
    -------
    float64 (n, K); the observed outcome itself where its propensity is 1.

    Examples
    --------
    >>> doubly_robust_outcomes(np.array([[1.0, np.nan]]), np.array([[0.5, 0.5]]), np.array([[0.6, 0.7]]))
    array([[1.4, 0.7]])
    """
    residual = (outcome - model) * np.minimum(1.0 / propensity, max_weight)
    return np.asarray(model + np.where(np.isfinite(outcome), residual, 0.0), np.float64)


def doubly_robust_success(log: LoggedTraffic, model: Array, max_weight: float = np.inf) -> Array:
    """Give `doubly_robust_outcomes` of a log of one arm per request: float64 (n, K).

    Parameters
    ----------
    model
        float64 (n, K), predicted reward per arm, from a fit that has not seen the request.
    """
    rows = np.arange(len(log.arm))
    outcome, propensity = np.full(model.shape, np.nan), np.ones(model.shape)
    outcome[rows, log.arm], propensity[rows, log.arm] = log.reward, log.propensity
    return doubly_robust_outcomes(outcome, propensity, model, max_weight)


def policy_value(
    name: str,
    log: LoggedTraffic,
    target: Array,
    model: Array | None = None,
    *,
    max_weight: float = np.inf,
    min_effective_size: float = 10.0,
    level: float = 0.95,
) -> PolicyValue:
    """Value of a target policy on a log, by IPS, SNIPS and, with an outcome model, DR.

    Parameters
    ----------
    target
        (n, K) probabilities of the target policy.
    model
        (n, K) cross-fitted predictions of the reward per arm.
    max_weight
        Weights are cut here; cutting biases the value, see `PolicyOverlap.clipped`.
    min_effective_size
        Below it the log has nothing to say.

    Raises
    ------
    NoOverlap
        If the effective sample size is smaller than that, or the mean weight shows that the log misses a part of what
        the target policy does (as deterministic logs do).
    """
    overlap = overlap_of(log, target, max_weight, level)
    _refuse(overlap, min_effective_size)

    def made(kind: Estimator) -> Interval:
        return _influence(kind, log, target, model, max_weight).interval(level)

    logged = _Influence(float(log.reward.mean()), log.reward, len(log.reward) - 1.0).interval(level)
    return PolicyValue(name, made("ips"), made("snips"), None if model is None else made("dr"), logged, overlap)


def effective_size(weight: Array) -> float:
    """Give Kish's effective sample size of weights (n,), (sum w)^2 / sum w^2; 0 where no weight is above 0.

    >>> effective_size(np.array([1.0, 1.0, 2.0])), effective_size(np.zeros(3))
    (2.6666666666666665, 0.0)
    """
    squares = float((weight**2).sum())
    return float(weight.sum()) ** 2 / squares if squares else 0.0


def overlap_of(log: LoggedTraffic, target: Array, max_weight: float = np.inf, level: float = 0.95) -> PolicyOverlap:
    """Overlap of a target policy (n, K) with the log, without judging it."""
    if target.shape != (len(log.arm), log.arms) or not np.allclose(target.sum(axis=1), 1, atol=1e-6):
        raise BadInput(f"the target policy must be probabilities ({len(log.arm)}, {log.arms}) whose rows sum to 1")
    chance = target[np.arange(len(log.arm)), log.arm]
    raw = chance / log.propensity
    weight = np.minimum(raw, max_weight)
    return PolicyOverlap(
        len(weight),
        effective_size(weight),
        _Influence(float(raw.mean()), raw, len(raw) - 1.0).interval(level),
        float((raw > max_weight).mean()),
        float((chance > 0).mean()),
    )


def _refuse(overlap: PolicyOverlap, min_effective_size: float) -> None:
    cure = "collect paired data, or serve with exploration switched on"
    if overlap.effective_size < min_effective_size:
        raise UnsupportedPolicy(f"{overlap.requests} logged requests are worth {overlap.effective_size:.1f}: {cure}")
    weight = overlap.mean_weight
    slack = 2 * (weight.upper - weight.value) + 0.05
    if abs(weight.value - 1) > slack:
        raise UnsupportedPolicy(
            f"mean weight is {weight.value:.2f} and should be 1: propensities are wrong, or the log never tried part of"
            f" what this policy does: {cure}"
        )


def _influence(
    kind: Estimator, log: LoggedTraffic, target: Array, model: Array | None, max_weight: float
) -> _Influence:
    rows, n = np.arange(len(log.arm)), len(log.arm)
    weight = np.minimum(target[rows, log.arm] / log.propensity, max_weight)
    total = max(float(weight.sum()), 1e-300)
    effective = max(effective_size(weight) - 1, 1.0)
    if kind == "ips":
        parts = weight * log.reward
        return _Influence(float(parts.mean()), parts, effective)
    if kind == "snips":
        value = float((weight * log.reward).sum()) / total
        jackknife = weight * (log.reward - value) / np.maximum(1 - weight / total, 1e-3)
        return _Influence(value, value + jackknife * n / total, effective)
    assert model is not None
    parts = (target * model).sum(axis=1) + weight * (log.reward - model[rows, log.arm])
    return _Influence(float(parts.mean()), parts, n - 1.0)
