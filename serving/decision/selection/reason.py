"""Writes the reason of a decision: the net benefit of the arm, then whatever overruled it."""

from __future__ import annotations

from collections.abc import Sequence

from serving.decision.policy import BoundPolicy
from serving.decision.selection.arm_scoring import ArmScore, EffectiveLimits
from serving.decision.selection.choice import Choice, UtilityWeights
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.runtime_state import HEALTHY

_VERBS = {"use": "pays", "maybe": "may pay", "avoid": "does not pay"}


def write_reason(
    record: DecisionRecord,
    bound_policy: BoundPolicy,
    choice: Choice,
    scores: Sequence[ArmScore],
    weights: UtilityWeights,
    limits: EffectiveLimits,
) -> str:
    """Write the reason of a decision.

    Returns
    -------
    str
        One line: the net benefit first, then whatever overruled it, separated by semicolons.
    """
    parts = [_net_benefit(bound_policy, choice, scores, weights)]
    if choice.best != choice.index:
        parts += _obstacles(record, bound_policy, choice, scores, limits)
    parts += _overruling(record, bound_policy, choice, scores)
    parts += _caveats(record, choice)
    return "; ".join(parts)


def _net_benefit(bound_policy: BoundPolicy, choice: Choice, scores: Sequence[ArmScore], weights: UtilityWeights) -> str:
    if choice.explained == bound_policy.reference:
        return "the rules leave no arm that thinks"
    score, reference = scores[choice.explained], scores[bound_policy.reference]
    uplift = score.uplift - reference.uplift
    lower, upper = score.uplift_lower - reference.uplift_upper, score.uplift_upper - reference.uplift_lower
    price = f"{format_usd(score.cost_usd - reference.cost_usd)} USD"
    if weights.cost_factor != 1.0:
        price += f" x {weights.cost_factor:.2f} (budget)"
    if weights.second_usd:
        seconds = (score.latency_ms - reference.latency_ms) * 0.001
        price += f" + {seconds:.1f} s x {format_usd(weights.second_usd)} USD"
    if score.switching_usd != reference.switching_usd:
        price += f" {score.switching_usd - reference.switching_usd:+.4g} USD (switching)"
    head = f"{bound_policy.arms[choice.explained].name}: " if len(scores) > 2 else ""
    return (
        f"{head}uplift {uplift:.2f} [{lower:.2f}, {upper:.2f}] x {format_usd(weights.value_usd)} USD"
        f" {_VERBS[choice.bucket]} {price}"
    )


def _obstacles(
    record: DecisionRecord,
    bound_policy: BoundPolicy,
    choice: Choice,
    scores: Sequence[ArmScore],
    limits: EffectiveLimits,
) -> list[str]:
    """Name what keeps the arm with the highest utility from serving."""
    best, name = scores[choice.best], bound_policy.arms[choice.best].name
    parts: list[str] = []
    if not best.sound:
        why = record.runtime_state.health.get(name, HEALTHY).why
        parts.append(f"{name} is shed{f' ({why})' if why else ''}")
    if not best.in_time:
        parts.append(f"{name} can't keep {limits.deadline_ms:.0f} ms (p95 {best.latency_p95_ms:.0f} ms)")
    if not best.affordable and limits.max_cost_usd is not None:
        parts.append(f"{name} breaks the cost cap of {format_usd(limits.max_cost_usd)} USD")
    return parts


def _overruling(
    record: DecisionRecord, bound_policy: BoundPolicy, choice: Choice, scores: Sequence[ArmScore]
) -> list[str]:
    """Name what was decided by instead of utility."""
    arm = bound_policy.arms[choice.index].name
    if choice.because == "tool_loop":
        return [f"{arm} is kept while a tool loop is open"]
    if choice.because == "client":
        requested = record.context.client_effort
        served = "" if requested == choice.effort else f", the policy allows {choice.effort}"
        return [f"the client asks for effort {requested}{served}"]
    if choice.because == "explored":
        return [f"{arm} was drawn to learn (propensity {choice.propensity:.3g})"]
    if choice.because == "infeasible":
        kind = "fastest" if scores[choice.index].affordable else "cheapest"
        return [f"no arm keeps every limit: {arm} is the {kind} that may serve"]
    if choice.because == "behaviour" and choice.fallback is None:
        return [f"the policy takes {'the baseline' if choice.index == 0 else arm} where it is unsure"]
    return []


def _caveats(record: DecisionRecord, choice: Choice) -> list[str]:
    """Name what makes the forecast less certain."""
    parts: list[str] = []
    if record.cold_start:
        parts.append("cold start: prior knowledge of the kind of task")
    elif choice.fallback is not None:
        parts.append(f"support {record.prediction.support:.2f} is outside what was learnt: {choice.fallback}")
    elif record.prior_weight > 0.0:
        parts.append(f"{record.prior_weight:.0%} prior knowledge at support {record.prediction.support:.2f}")
    if record.context.follow_up:
        parts.append("a short follow-up, judged by its conversation")
    return parts


def format_usd(amount: float) -> str:
    """Write USD with two decimals, or with two significant digits below 0.1 USD.

    Examples
    --------
    >>> format_usd(0.5), format_usd(0.031), format_usd(0.00064), format_usd(0.0), format_usd(12.0)
    ('0.50', '0.031', '0.00064', '0.00', '12.00')
    """
    if amount == 0.0 or abs(amount) >= 0.1:
        return f"{amount:.2f}"
    return f"{amount:.2g}" if abs(amount) >= 1e-4 else f"{amount:.1e}"
