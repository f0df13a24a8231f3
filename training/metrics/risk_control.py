"""Risk control (learn then test): the cheapest threshold whose loss is at most epsilon with confidence 1 - delta.

Learn-then-test (Angelopoulos et al. 2021, arXiv 2110.01052): thresholds are tried from the most careful on, each null
hypothesis 'the loss here exceeds epsilon' is tested with a p-value that holds for every sample size, and the walk ends
at the first that can't be rejected; so no correction for the number of thresholds is due.

MAPIE supplies that walk (`control_fwer`). Its p-values are Hoeffding-Bentkus ones for losses in [0, 1]; the loss here
is signed (reasoning is at times the worse arm) and 0 for all who keep reasoning, and after shifting it to [0, 1] they
certified nothing on 4,000 prompts where betting certified nearly always. So the p-values are our own: Waudby-Smith and
Ramdas' betting test (2024, JRSS-B 86), which is as sharp as the variance of the loss allows.

What it promises holds for requests like those it was computed on, served by the very model whose scores these are; it
says nothing about other task types.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.decision import BadInput
from training.types import Array


@dataclass(frozen=True, slots=True)
class LossBounds:
    """The least and the greatest loss a single prompt can have; wider for clipped pseudo-outcomes."""

    low: float = -1.0
    high: float = 1.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """Requests that score below `threshold` may be served by the baseline.

    Parameters
    ----------
    epsilon, delta
        The mean loss of success against always-reasoning is at most epsilon with probability 1 - delta.
    threshold
        Of the score; at or above it a request reasons.
    calls_avoided
        Share of the prompts below the threshold.
    observed_loss
        Mean loss at the threshold on these prompts.
    p_value
        Of the last rejected hypothesis.
    prompts
        Number of held-out prompts that were used.
    """

    epsilon: float
    delta: float
    threshold: float
    calls_avoided: float
    observed_loss: float
    p_value: float
    prompts: int


@dataclass(frozen=True, slots=True)
class NoCertificate:
    """An honest outcome: no threshold that avoids a call could be certified."""

    epsilon: float
    delta: float
    reason: str
    prompts: int


def certify(
    score: Array,
    loss: Array,
    *,
    epsilon: float,
    delta: float = 0.1,
    thresholds: Array | None = None,
    bounds: LossBounds | None = None,
    seed: int = 0,
) -> Certificate | NoCertificate:
    """Cheapest threshold with a certified quality loss.

    Parameters
    ----------
    score
        (n,) uplift score of held-out prompts.
    loss
        (n,) success of always-reasoning minus success of the baseline: what is lost when this prompt is not reasoned.
    thresholds
        Increasing candidates, fixed without looking at these prompts (say, quantiles of training scores). Default: -1
        to 1 in steps of 0.005, as uplift is a difference of probabilities.
    bounds
        Of a single loss.
    seed
        Of the order in which the test reads the prompts.

    Raises
    ------
    BadInput
        If epsilon is not in (0, 1), delta not in (0, 1), the inputs have gaps, or a loss leaves its bounds.
    """
    from mapie.risk_control import control_fwer  # two seconds to import, and needed here alone

    limit = bounds or LossBounds()
    _check(score, loss, epsilon, delta, limit)
    grid = np.linspace(-1, 1, 401) if thresholds is None else np.asarray(thresholds, dtype=np.float64)
    order = np.random.default_rng(seed).permutation(len(score))
    score, loss = score[order], loss[order]
    values = np.array([p_value(np.where(score < t, loss, 0.0), epsilon, delta, limit) for t in grid])
    valid = np.asarray(control_fwer(values, delta, "fixed_sequence"), dtype=np.int64)
    if not len(valid):
        return NoCertificate(epsilon, delta, _too_few(len(score), epsilon, values[0]), len(score))
    last = int(valid[-1])
    avoided = score < grid[last]
    if not avoided.any():
        reason = f"already the first threshold that avoids a call could lose more than {epsilon:g}"
        return NoCertificate(epsilon, delta, reason, len(score))
    observed = float(np.where(avoided, loss, 0.0).mean())
    share, p = float(avoided.mean()), float(values[last])
    return Certificate(epsilon, delta, float(grid[last]), share, observed, p, len(score))


def p_value(loss: Array, epsilon: float, delta: float, bounds: LossBounds) -> float:
    """Valid p-value of 'mean loss >= epsilon' for independent losses (n,) within bounds.

    A gambler who bets on smaller losses, with stakes set from the losses before, multiplies his capital by more than
    1/p with probability at most p if the hypothesis holds (Ville); `delta` only tunes the stakes.
    """
    width = bounds.high - bounds.low
    x, mean = (loss - bounds.low) / width, (epsilon - bounds.low) / width
    seen = np.arange(1, len(x) + 1)
    centre = (0.5 + np.cumsum(x)) / (seen + 1)
    spread = (0.25 + np.cumsum((x - centre) ** 2)) / (seen + 1)
    before = np.concatenate([[0.25], spread[:-1]])
    stake = np.minimum(np.sqrt(2 * np.log(1 / delta) / (len(x) * before)), 0.75 / (1 - mean))
    capital = np.cumsum(np.log1p(stake * (mean - x)))
    return float(min(1.0, np.exp(-capital.max())))


def _check(score: Array, loss: Array, epsilon: float, delta: float, bounds: LossBounds) -> None:
    if not (0 < epsilon < 1 and 0 < delta < 1):
        raise BadInput(f"epsilon {epsilon:g} and delta {delta:g} must lie between 0 and 1")
    if len(score) != len(loss) or len(score) < 2:
        raise BadInput("a certificate needs one score and one loss a prompt, and at least 2 prompts")
    if not (np.isfinite(score).all() and np.isfinite(loss).all()):
        raise BadInput("a score or loss is unknown: keep prompts that both arms have answered")
    if loss.min() < bounds.low - 1e-9 or loss.max() > bounds.high + 1e-9:
        raise BadInput(f"a loss leaves [{bounds.low:g}, {bounds.high:g}]: pass the bounds of one prompt's loss")


def _too_few(n: int, epsilon: float, p: float) -> str:
    return f"{n} prompts can't prove a loss of at most {epsilon:g}, even with all calls kept (p = {p:.2f}): use more"
