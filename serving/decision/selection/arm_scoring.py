"""Scores every arm for one request: expected success, cost and latency, and whether it may serve."""

from __future__ import annotations

from collections.abc import Mapping

from serving.decision.errors import BadInput
from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.policy import BoundPolicy, Terms, effort_rank
from serving.decision.pricing import expected_cost
from serving.decision.selection.decision_record import DecisionRecord, RequestContext
from serving.decision.selection.runtime_state import HEALTHY, ArmHealth


class EveryArmDenied(BadInput):
    """The policy's rules leave no arm for a request; the message names the rules."""


@fast_dataclass
class ArmScore:
    """One arm for one request.

    Parameters
    ----------
    success
        P(success | arm).
    uplift, uplift_lower, uplift_upper
        P(success | arm) - P(success | baseline) and its interval; 0 for the baseline.
    cost_usd
        Expected, with retries.
    latency_ms, latency_p95_ms
        Of one call, corrected by live latency.
    tokens, tokens_p95
        Output tokens, hidden ones included.
    switching_usd
        Cost of changing the arm within the session.
    allowed, sound, in_time, affordable
        No rule excludes it; it is not shed; its p95 latency keeps the deadline; its cost keeps the cap.
    """

    success: float
    uplift: float
    uplift_lower: float
    uplift_upper: float
    cost_usd: float
    latency_ms: float
    latency_p95_ms: float
    tokens: float
    tokens_p95: float
    switching_usd: float
    allowed: bool
    sound: bool
    in_time: bool
    affordable: bool


@fast_dataclass
class EffectiveLimits:
    """Limits of one call, from the request and the policy together.

    Parameters
    ----------
    deadline_ms
        The tighter of the deadline (the request's, or else the policy's) and the policy's limit on total time.
    max_cost_usd
        The lower of the request's and the policy's cap; None for no cap.
    """

    deadline_ms: float
    max_cost_usd: float | None


def effective_limits(record: DecisionRecord, terms: Terms) -> EffectiveLimits:
    """Combine the request's and the policy's limits."""
    requested = record.context.deadline_ms
    deadline = terms.deadline_ms if requested is None else requested
    total = float(terms.limits.total_ms)
    caps = [cap for cap in (record.context.max_cost_usd, terms.max_cost_usd) if cap is not None]
    return EffectiveLimits(total if deadline is None else min(deadline, total), min(caps) if caps else None)


def score_arms(
    record: DecisionRecord, bound_policy: BoundPolicy, terms: Terms, limits: EffectiveLimits
) -> tuple[ArmScore, ...]:
    """Compute the (K,) scores, in the order of the arms.

    Raises
    ------
    EveryArmDenied
        The rules leave no arm.
    """
    session, health = record.runtime_state.session, record.runtime_state.health
    previous = bound_policy.index_of(session.arm) if session else None
    allowed = allowed_indices(record.context, record.runtime_state.headers, bound_policy, terms)
    baseline = health.get(bound_policy.arms[0].name, HEALTHY) if health else HEALTHY
    scores = []
    for index, arm in enumerate(bound_policy.arms):
        arm_health = health.get(arm.name, HEALTHY) if health else HEALTHY
        cached_tokens, switching = 0, 0.0
        if session is not None and previous is not None:
            cached_tokens = session.cached_for(arm.name, arm.model == bound_policy.arms[previous].model)
            switching = 0.0 if index == previous else terms.switching_cost_usd
        adjustment = _Adjustment(
            health=arm_health,
            cached_tokens=cached_tokens,
            switching_usd=switching,
            uplift_shift=arm_health.success_shift - baseline.success_shift,
            allowed=allowed is None or index in allowed,
        )
        scores.append(_score(record, bound_policy, terms, limits, index, adjustment))
    return tuple(scores)


@fast_dataclass
class _Adjustment:
    """Corrections of an arm's forecast by live health, session, baseline and rules."""

    health: ArmHealth
    cached_tokens: int
    switching_usd: float
    uplift_shift: float
    allowed: bool


def _score(
    record: DecisionRecord,
    bound_policy: BoundPolicy,
    terms: Terms,
    limits: EffectiveLimits,
    index: int,
    adjustment: _Adjustment,
) -> ArmScore:
    prediction, health, shift = record.prediction, adjustment.health, adjustment.uplift_shift
    tokens = prediction.output_tokens_mean[index] * health.tokens_factor
    latency = prediction.latency_mean_ms[index] * health.latency_factor
    p95 = prediction.latency_p95_ms[index] * health.latency_factor
    input_tokens = record.runtime_state.input_tokens or 0
    retries = terms.expected_retries if health.expected_retries is None else health.expected_retries
    rates = bound_policy.cards[index].rates(record.now, input_tokens)
    cost = expected_cost(
        rates, input_tokens, adjustment.cached_tokens, tokens, latency, min(retries, terms.limits.retries)
    )
    uplift = lower = upper = 0.0
    if index:
        uplift = prediction.uplift[index - 1] + shift
        lower = min(prediction.uplift_lower[index - 1] + shift, uplift)
        upper = max(prediction.uplift_upper[index - 1] + shift, uplift)
    return ArmScore(
        success=min(max(prediction.success[index] + health.success_shift, 0.0), 1.0),
        uplift=uplift,
        uplift_lower=lower,
        uplift_upper=upper,
        cost_usd=cost,
        latency_ms=latency,
        latency_p95_ms=p95,
        tokens=tokens,
        tokens_p95=prediction.output_tokens_p95[index] * health.tokens_factor,
        switching_usd=adjustment.switching_usd,
        allowed=adjustment.allowed,
        sound=not health.shed,
        in_time=p95 <= limits.deadline_ms,
        affordable=limits.max_cost_usd is None or cost <= limits.max_cost_usd,
    )


def allowed_indices(
    context: RequestContext, headers: Mapping[str, str], bound_policy: BoundPolicy, terms: Terms
) -> set[int] | None:
    """Find the indices of the arms that rules and `max_effort` allow; None for all.

    Raises
    ------
    EveryArmDenied
        They allow none.
    """
    rules = bound_policy.policy.rules
    if terms.max_effort == "max" and not rules:
        return None
    matching = [rule for rule in rules if rule.matches(context.task, context.tenant, headers)]
    allowed_names = {name for rule in matching for name in rule.allow}
    denied_names = {name for rule in matching for name in rule.deny}
    max_rank = effort_rank(terms.max_effort)
    left = {
        index
        for index, arm in enumerate(bound_policy.arms)
        if bound_policy.ranks[index] <= max_rank
        and arm.name not in denied_names
        and (not allowed_names or arm.name in allowed_names)
    }
    if not left:
        lines = ", ".join(str(rule.line) for rule in matching if rule.line)
        raise EveryArmDenied(
            f"policy {bound_policy.policy.name!r} leaves no arm for this request (max_effort {terms.max_effort},"
            f" rules at line {lines or '-'}): loosen one of them"
        )
    return left
