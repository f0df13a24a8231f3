"""Turns a decision record into a decision: a pure function, so live serving and replay are the same code."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from serving.decision.errors import BadInput
from serving.decision.policy.bound_policy import BoundPolicy, bind_policy
from serving.decision.policy.policy import Policy, Terms
from serving.decision.pricing.price_book import PriceBook
from serving.decision.selection.arm_scoring import ArmScore, EffectiveLimits, effective_limits, score_arms
from serving.decision.selection.choice import Choice, UtilityWeights, choose_arm
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.reason import write_reason
from serving.decision.types import Arm, ArmEstimate, Caps, Decision, Usd

_LEAST_REASONING_TOKENS = 1024
"""Providers refuse a thinking budget below it, so a forecast never caps lower."""


class ForeignRecord(BadInput):
    """A record was made under other arms, another policy or other prices than those it is replayed with."""


def require_same_policy(record: DecisionRecord, bound_policy: BoundPolicy) -> None:
    """Refuse a record that was made under other terms.

    Raises
    ------
    ForeignRecord
        Policy, prices or number of arms are not those of the record.
    """
    if bound_policy.version != record.policy:
        raise ForeignRecord(f"the record was made under {record.policy}, not {bound_policy.version}: pass those")
    if len(record.prediction.success) != len(bound_policy.arms):
        raise ForeignRecord(
            f"the record has {len(record.prediction.success)} arms, not {len(bound_policy.arms)}: pass those"
        )


def replay_decision(record: DecisionRecord, arms: Sequence[Arm], policy: Policy, prices: PriceBook) -> Decision:
    """Make a decision again from its journal row.

    Parameters
    ----------
    record
        As journalled.
    arms, policy, prices
        Those in force then; the record names policy and prices by hash.

    Returns
    -------
    Decision
        The same in every field but `elapsed_us`, which is 0.

    Raises
    ------
    ForeignRecord
        Policy, prices or number of arms are not those of the record.
    """
    bound_policy = bind_policy(arms, policy, prices)
    require_same_policy(record, bound_policy)
    return decide_from_record(record, bound_policy)


def decide_from_record(
    record: DecisionRecord, bound_policy: BoundPolicy, elapsed_us: Callable[[], int] = int
) -> Decision:
    """Decide.

    Parameters
    ----------
    record
        All that this decision is made from.
    bound_policy
        Arms, policy and prices.
    elapsed_us
        Asked once, at the end; 0 in a replay, for time is not part of the record.

    Raises
    ------
    EveryArmDenied
        The policy's rules leave no arm for the request.
    """
    context = record.context
    terms = bound_policy.policy.terms_for(context.tenant)
    limits = effective_limits(record, terms)
    offered = score_arms(record, bound_policy, terms, limits)
    weights = utility_weights(record, terms)
    choice = choose_arm(record, bound_policy, terms, offered, weights)
    arm = bound_policy.arms[choice.place]
    return Decision(
        decision_id=record.decision_id,
        arm=arm.name,
        model=arm.model,
        effort=choice.effort,
        bucket=choice.bucket,
        propensity=choice.propensity,
        reason=write_reason(record, bound_policy, choice, offered, weights, limits),
        estimates={
            arm.name: ArmEstimate(offer.success, Usd(offer.cost_usd), offer.latency_p95_ms, offer.tokens)
            for arm, offer in zip(bound_policy.arms, offered, strict=True)
        },
        caps=_caps(record, bound_policy, terms, limits, choice, offered[choice.place]),
        support=record.prediction.support,
        fallback=choice.fallback,
        bundle_id=record.bundle_id,
        policy=record.policy,
        elapsed_us=elapsed_us(),
    )


def cost_at_multipliers(
    record: DecisionRecord, bound_policy: BoundPolicy, multipliers: Sequence[float]
) -> tuple[float, ...]:
    """Tell what the arm that would have served at other cost multipliers is expected to cost.

    Returns
    -------
    tuple of float
        USD, one for each multiplier.

    Raises
    ------
    EveryArmDenied
        The policy's rules leave no arm for the request.
    """
    terms = bound_policy.policy.terms_for(record.context.tenant)
    offered, weights = (
        score_arms(record, bound_policy, terms, effective_limits(record, terms)),
        utility_weights(record, terms),
    )
    dearer = (replace(weights, cost_factor=1.0 + multiplier) for multiplier in multipliers)
    return tuple(offered[choose_arm(record, bound_policy, terms, offered, each).place].cost_usd for each in dearer)


def utility_weights(record: DecisionRecord, terms: Terms) -> UtilityWeights:
    """Give what the offers are weighed with: the request's own value of a success goes before the policy's."""
    value = record.context.value_of_success_usd
    return UtilityWeights(
        value_usd=terms.value(record.context.task) if value is None else value,
        cost_factor=1.0 + record.runtime_state.cost_multiplier,
        second_usd=terms.latency_usd_per_second,
    )


def _caps(
    record: DecisionRecord,
    bound_policy: BoundPolicy,
    terms: Terms,
    limits: EffectiveLimits,
    choice: Choice,
    offer: ArmScore,
) -> Caps:
    """Limit the call: the policy's limits, the forecast, what the cost cap pays, and what fits before the deadline."""
    total_ms = max(int(limits.deadline_ms), 1)
    retries = max(min(terms.limits.retries, int(total_ms / max(offer.latency_ms, 1.0)) - 1), 0)
    if choice.effort == "none":
        return Caps(0, retries, total_ms)
    forecast = math.ceil(terms.limits.reasoning_over_forecast * offer.tokens_p95)
    tokens = min(terms.limits.reasoning_tokens, max(forecast, _LEAST_REASONING_TOKENS))
    input_tokens = record.runtime_state.input_tokens or 0
    rates = bound_policy.cards[choice.place].rates(record.now, input_tokens)
    if limits.max_cost_usd is not None and rates.hidden > 0.0:
        affordable = (limits.max_cost_usd - rates.request - input_tokens * rates.input) / rates.hidden
        tokens = min(tokens, max(int(affordable), 0))
    return Caps(tokens, retries, total_ms)
