"""Lays open the sum behind a decision: per arm what it gives and takes in USD, and what else had a say.

The figures are made by the same functions as the decision itself, from its record: nothing is worked out a second way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from serving.decision.policy.bound_policy import BoundPolicy
from serving.decision.selection.arm_scoring import ArmScore, effective_limits, score_arms
from serving.decision.selection.choice import Because, UtilityWeights, choose_arm
from serving.decision.selection.decide import decide_from_record, require_same_policy, utility_weights
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.runtime_state import HEALTHY, ArmHealth, Session
from serving.decision.types import Decision, Effort


@dataclass(frozen=True, slots=True)
class ArmUtility:
    """One arm's sum.

    Parameters
    ----------
    success
        P(success | arm).
    success_usd
        Value of success x `success`.
    cost_usd
        Expected cost of the call, with retries.
    weighed_cost_usd
        Cost factor (1 + budget multiplier) x `cost_usd`.
    latency_usd
        Latency price x expected seconds.
    switching_usd
        Price of changing the arm within the session.
    utility_usd
        `success_usd` - `weighed_cost_usd` - `latency_usd` - `switching_usd`.
    uplift, uplift_lower, uplift_upper
        Over the arm that does not think, learnt as a difference: more exact than the difference of two `success`.
    net_usd, net_lower_usd, net_upper_usd
        Value x uplift less all that the arm takes beyond the arm that does not think; what is decided by.
    allowed, sound, in_time, affordable
        The rules leave it; it is not shed; it keeps the deadline; it keeps the cost cap.
    health
        How it does at present, measured against its forecast.
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
    """All that a decision was weighed with.

    Parameters
    ----------
    decision
        Made again from the record; `elapsed_us` is 0.
    arms
        K sums by arm name, the baseline first.
    compared_with
        The arm that does not think, which uplifts and net benefits speak of.
    because
        `utility`, or what overruled it: `behaviour`, `infeasible`, `client`, `tool_loop`, `explored`.
    value_of_success_usd, cost_factor, latency_usd_per_second
        The weights.
    deadline_ms, max_cost_usd
        The limits that held.
    prior_weight
        Share of prior knowledge in the forecast.
    draw
        In [0, 1): chance's part, used only where the policy explores.
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
    """Work out the sum behind a decision.

    Parameters
    ----------
    record
        What it was made from.
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
    offered = score_arms(record, bound_policy, terms, limits)
    weights = utility_weights(record, terms)
    over = offered[bound_policy.direct]
    sums = {
        arm.name: _sum(record, bound_policy, place, offered[place], over, weights)
        for place, arm in enumerate(bound_policy.arms)
    }
    return UtilityBreakdown(
        decision=decision,
        arms=sums,
        compared_with=bound_policy.arms[bound_policy.direct].name,
        because=choose_arm(record, bound_policy, terms, offered, weights).because,
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


def _sum(
    record: DecisionRecord,
    bound_policy: BoundPolicy,
    place: int,
    offer: ArmScore,
    over: ArmScore,
    weights: UtilityWeights,
) -> ArmUtility:
    arm = bound_policy.arms[place]
    success = weights.value_usd * offer.success
    cost = weights.cost_factor * offer.cost_usd
    waiting = weights.second_usd * offer.latency_ms * 0.001
    return ArmUtility(
        arm=arm.name,
        model=arm.model,
        effort=arm.effort,
        success=offer.success,
        success_usd=success,
        cost_usd=offer.cost_usd,
        weighed_cost_usd=cost,
        latency_ms=offer.latency_ms,
        latency_p95_ms=offer.latency_p95_ms,
        latency_usd=waiting,
        switching_usd=offer.extra_usd,
        utility_usd=success - cost - waiting - offer.extra_usd,
        uplift=offer.uplift - over.uplift,
        uplift_lower=offer.lower - over.upper,
        uplift_upper=offer.upper - over.lower,
        net_usd=weights.gain(offer.uplift - over.uplift, offer, over),
        net_lower_usd=weights.gain(offer.lower - over.upper, offer, over),
        net_upper_usd=weights.gain(offer.upper - over.lower, offer, over),
        output_tokens=offer.tokens,
        allowed=offer.allowed,
        sound=offer.sound,
        in_time=offer.in_time,
        affordable=offer.affordable,
        health=record.runtime_state.health.get(arm.name, HEALTHY),
    )
