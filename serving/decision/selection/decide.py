"""Turns a decision record into a decision: a pure function, shared by live serving and replay."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from serving.decision.errors import BadInput
from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.policy import BoundPolicy, Policy, Terms, bind_policy
from serving.decision.pricing import PriceBook
from serving.decision.selection.arm_scoring import ArmScore, EffectiveLimits, effective_limits, score_arms
from serving.decision.selection.choice import Choice, UtilityWeights, choose_arm
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.reason import write_reason
from serving.decision.types import Arm, ArmEstimate, Caps, Decision, Usd

_MIN_REASONING_TOKENS = 1024
"""Providers refuse a thinking budget below it, so a forecast never caps lower."""


class ForeignRecord(BadInput):
    """A record was made under other arms, another policy or other prices than those it is replayed with."""


def require_same_policy(record: DecisionRecord, bound_policy: BoundPolicy) -> None:
    """Check that a record was made under this policy.

    Raises
    ------
    ForeignRecord
        Policy, prices or number of arms are not those of the record.
    """
    if bound_policy.version != record.policy:
        raise ForeignRecord(f"the record was made under {record.policy}, not {bound_policy.version}: pass those")
    recorded, arms = len(record.prediction.success), len(bound_policy.arms)
    if recorded != arms:
        raise ForeignRecord(f"the record has {recorded} arms, not {arms}: pass those")


def replay_decision(record: DecisionRecord, arms: Sequence[Arm], policy: Policy, prices: PriceBook) -> Decision:
    """Reproduce a decision from its journal row.

    Parameters
    ----------
    record
        As journalled.
    arms, policy, prices
        Those in force then; the record names policy and prices by hash.

    Returns
    -------
    Decision
        Equal in every field but `elapsed_us`, which is 0.

    Raises
    ------
    ForeignRecord
        Policy, prices or number of arms are not those of the record.
    """
    bound_policy = bind_policy(arms, policy, prices)
    require_same_policy(record, bound_policy)
    return decide_from_record(record, bound_policy)


@fast_dataclass
class DrawnDecision:
    """A decision, and the draw that it came from.

    Parameters
    ----------
    propensities
        (K,) probability of each arm to be chosen, in the order of the arms; they sum to 1.
    """

    decision: Decision
    propensities: tuple[float, ...]


def decide_from_record(
    record: DecisionRecord, bound_policy: BoundPolicy, elapsed_us: Callable[[], int] = int
) -> Decision:
    """Decide from a complete record, as `draw_from_record` does, and give the decision alone."""
    return draw_from_record(record, bound_policy, elapsed_us).decision


def draw_from_record(
    record: DecisionRecord, bound_policy: BoundPolicy, elapsed_us: Callable[[], int] = int
) -> DrawnDecision:
    """Decide from a complete record.

    Parameters
    ----------
    record
        All inputs of this decision.
    bound_policy
        Arms, policy and prices.
    elapsed_us
        Called once, at the end; 0 in a replay, for elapsed time is not part of the record.

    Raises
    ------
    EveryArmDenied
        The policy's rules leave no arm for the request.
    """
    terms = bound_policy.policy.terms_for(record.context.tenant)
    limits = effective_limits(record, terms)
    scores = score_arms(record, bound_policy, terms, limits)
    weights = utility_weights(record, terms)
    choice = choose_arm(record, bound_policy, terms, scores, weights)
    arm = bound_policy.arms[choice.index]
    decision = Decision(
        decision_id=record.decision_id,
        arm=arm.name,
        model=arm.model,
        effort=choice.effort,
        bucket=choice.bucket,
        propensity=choice.propensity,
        reason=write_reason(record, bound_policy, choice, scores, weights, limits),
        estimates={
            arm.name: ArmEstimate(score.success, Usd(score.cost_usd), score.latency_p95_ms, score.tokens)
            for arm, score in zip(bound_policy.arms, scores, strict=True)
        },
        caps=_caps(record, bound_policy, terms, limits, choice, scores[choice.index]),
        support=record.prediction.support,
        fallback=choice.fallback,
        bundle_id=record.bundle_id,
        policy=record.policy,
        elapsed_us=elapsed_us(),
    )
    return DrawnDecision(decision, choice.propensities)


def cost_at_multipliers(
    record: DecisionRecord, bound_policy: BoundPolicy, multipliers: Sequence[float]
) -> tuple[float, ...]:
    """Compute the expected cost of the arm that would be chosen at each of some cost multipliers.

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
    scores = score_arms(record, bound_policy, terms, effective_limits(record, terms))
    weights = utility_weights(record, terms)
    reweighted = (replace(weights, cost_factor=1.0 + multiplier) for multiplier in multipliers)
    return tuple(scores[choose_arm(record, bound_policy, terms, scores, each).index].cost_usd for each in reweighted)


def utility_weights(record: DecisionRecord, terms: Terms) -> UtilityWeights:
    """Compute the weights of a request: its own value of a success takes precedence over the policy's."""
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
    score: ArmScore,
) -> Caps:
    """Cap the call by the policy's limits, the forecast, what the cost cap pays, and what fits before the deadline."""
    total_ms = max(int(limits.deadline_ms), 1)
    retries = max(min(terms.limits.retries, int(total_ms / max(score.latency_ms, 1.0)) - 1), 0)
    if choice.effort == "none":
        return Caps(0, retries, total_ms)
    forecast = math.ceil(terms.limits.reasoning_over_forecast * score.tokens_p95)
    tokens = min(terms.limits.reasoning_tokens, max(forecast, _MIN_REASONING_TOKENS))
    input_tokens = record.runtime_state.input_tokens or 0
    rates = bound_policy.cards[choice.index].rates(record.now, input_tokens)
    if limits.max_cost_usd is not None and rates.hidden > 0.0:
        affordable = (limits.max_cost_usd - rates.request - input_tokens * rates.input) / rates.hidden
        tokens = min(tokens, max(int(affordable), 0))
    return Caps(tokens, retries, total_ms)
