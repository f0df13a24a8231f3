"""Breaks a decision's utility down: per arm its value, cost, latency and switching terms in USD, and the weights.

Computed from the decision record by the same functions as the decision itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serving.decision.policy import BoundPolicy
from serving.decision.selection.arm_scoring import ArmScore, effective_limits, score_arms
from serving.decision.selection.choice import Because, UtilityWeights, choose_arm
from serving.decision.selection.decide import decide_from_record, require_same_policy, utility_weights
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.runtime_state import HEALTHY, ArmHealth, Session
from serving.decision.types import Arm, Decision, Effort


@dataclass(frozen=True, slots=True)
class ArmUtility:
    """Utility of one arm, term by term.

    Parameters
    ----------
    success
        P(success | arm).
    success_usd
        Value of success x `success`.
    cost_usd
        Expected cost of the call, with retries.
    weighed_cost_usd
        `cost_usd` x cost factor (1 + budget multiplier).
    latency_usd
        Latency price x expected seconds.
    switching_usd
        Price of changing the arm within the session.
    utility_usd
        `success_usd` - `weighed_cost_usd` - `latency_usd` - `switching_usd`.
    uplift, uplift_lower, uplift_upper
        Over the reference arm, learnt as a difference: more exact than the difference of two `success`.
    net_usd, net_lower_usd, net_upper_usd
        Net benefit over the reference arm (value x uplift - extra cost) and its interval; what decides.
    allowed, sound, in_time, affordable
        The rules allow it; it is not shed; it keeps the deadline; it keeps the cost cap.
    health
        Live performance relative to the forecast.
    """

    arm: str
    model: str
    effort: Effort
    success: float
    success_usd: float
    cost_usd: float
    weighed_cost_usd: float
    latency_ms: float
    latency_p95_ms: float
    latency_usd: float
    switching_usd: float
    utility_usd: float
    uplift: float
    uplift_lower: float
    uplift_upper: float
    net_usd: float
    net_lower_usd: float
    net_upper_usd: float
    output_tokens: float
    allowed: bool
    sound: bool
    in_time: bool
    affordable: bool
    health: ArmHealth


@dataclass(frozen=True, slots=True)
class UtilityBreakdown:
    """All terms of a decision.

    Parameters
    ----------
    decision
        Replayed from the record; `elapsed_us` is 0.
    arms
        K utilities by arm name, the baseline first.
    compared_with
        The reference arm of uplifts and net benefits: the one that does not reason.
    because
        `utility`, or what overruled it: `behaviour`, `infeasible`, `client`, `tool_loop`, `explored`.
    value_of_success_usd, cost_factor, latency_usd_per_second
        The weights.
    deadline_ms, max_cost_usd
        The limits in force.
    prior_weight
        Share of prior knowledge in the forecast.
    draw
        Random number in [0, 1), used only where the policy explores.
    """

    decision: Decision
    arms: Mapping[str, ArmUtility]
    compared_with: str
    because: Because
    task: str | None
    tenant: str | None
    input_tokens: int
    value_of_success_usd: float
    cost_factor: float
    latency_usd_per_second: float
    deadline_ms: float
    max_cost_usd: float | None
    support: float
    prior_weight: float
    cold_start: bool
    session: Session | None
    draw: float | None


def utility_breakdown(record: DecisionRecord, bound_policy: BoundPolicy) -> UtilityBreakdown:
    """Break the utility behind a decision down.

    Parameters
    ----------
    record
        Inputs of the decision.
    bound_policy
        Arms, policy and prices in force then.

    Raises
    ------
    ForeignRecord
        They are not those of the record.
    EveryArmDenied
        The policy's rules leave no arm for the request.
    """
    require_same_policy(record, bound_policy)
    decision = decide_from_record(record, bound_policy)
    terms = bound_policy.policy.terms_for(record.context.tenant)
    limits = effective_limits(record, terms)
    scores = score_arms(record, bound_policy, terms, limits)
    weights = utility_weights(record, terms)
    reference = scores[bound_policy.reference]
    health = record.runtime_state.health
    return UtilityBreakdown(
        decision=decision,
        arms={
            arm.name: _arm_utility(arm, score, reference, weights, health.get(arm.name, HEALTHY))
            for arm, score in zip(bound_policy.arms, scores, strict=True)
        },
        compared_with=bound_policy.arms[bound_policy.reference].name,
        because=choose_arm(record, bound_policy, terms, scores, weights).because,
        task=record.context.task,
        tenant=record.context.tenant,
        input_tokens=record.runtime_state.input_tokens or 0,
        value_of_success_usd=weights.value_usd,
        cost_factor=weights.cost_factor,
        latency_usd_per_second=weights.second_usd,
        deadline_ms=limits.deadline_ms,
        max_cost_usd=limits.max_cost_usd,
        support=record.prediction.support,
        prior_weight=record.prior_weight,
        cold_start=record.cold_start,
        session=record.runtime_state.session,
        draw=record.runtime_state.uniform,
    )


def _arm_utility(
    arm: Arm, score: ArmScore, reference: ArmScore, weights: UtilityWeights, health: ArmHealth
) -> ArmUtility:
    success_usd = weights.value_usd * score.success
    weighed_cost_usd = weights.cost_factor * score.cost_usd
    latency_usd = weights.second_usd * score.latency_ms * 0.001
    uplift = score.uplift - reference.uplift
    lower, upper = score.uplift_lower - reference.uplift_upper, score.uplift_upper - reference.uplift_lower
    return ArmUtility(
        arm=arm.name,
        model=arm.model,
        effort=arm.effort,
        success=score.success,
        success_usd=success_usd,
        cost_usd=score.cost_usd,
        weighed_cost_usd=weighed_cost_usd,
        latency_ms=score.latency_ms,
        latency_p95_ms=score.latency_p95_ms,
        latency_usd=latency_usd,
        switching_usd=score.switching_usd,
        utility_usd=success_usd - weighed_cost_usd - latency_usd - score.switching_usd,
        uplift=uplift,
        uplift_lower=lower,
        uplift_upper=upper,
        net_usd=weights.net_benefit(uplift, score, reference),
        net_lower_usd=weights.net_benefit(lower, score, reference),
        net_upper_usd=weights.net_benefit(upper, score, reference),
        output_tokens=score.tokens,
        allowed=score.allowed,
        sound=score.sound,
        in_time=score.in_time,
        affordable=score.affordable,
        health=health,
    )
