"""Says in plain words, with the arithmetic, why an arm was taken."""

from __future__ import annotations

from collections.abc import Sequence

from serving.decision.policy.bound_policy import BoundPolicy
from serving.decision.selection.arm_scoring import ArmScore, EffectiveLimits
from serving.decision.selection.choice import Choice, UtilityWeights
from serving.decision.selection.decision_record import DecisionRecord
from serving.decision.selection.runtime_state import HEALTHY

_VERBS = {"use": "pays", "maybe": "may pay", "avoid": "does not pay"}


def write_reason(
    record: DecisionRecord,
    roster: BoundPolicy,
    choice: Choice,
    offers: Sequence[ArmScore],
    weights: UtilityWeights,
    limits: EffectiveLimits,
) -> str:
    """Write the reason of a decision.

    Returns
    -------
    str
        One line: the arithmetic first, then whatever overruled it, parted by semicolons.
    """
    parts = [_arithmetic(roster, choice, offers, weights)]
    if choice.best != choice.place:
        parts += _obstacles(record, roster, choice, offers, limits)
    parts += _overruled(record, roster, choice, offers)
    return "; ".join(parts)


def _arithmetic(roster: BoundPolicy, choice: Choice, offers: Sequence[ArmScore], weights: UtilityWeights) -> str:
    rival, over = offers[choice.rival], offers[roster.direct]
    if choice.rival == roster.direct:
        return "the rules leave no arm that thinks"
    uplift, lower, upper = rival.uplift - over.uplift, rival.lower - over.upper, rival.upper - over.lower
    price = f"{format_usd(rival.cost_usd - over.cost_usd)} USD"
    if weights.cost_factor != 1.0:
        price += f" x {weights.cost_factor:.2f} (budget)"
    if weights.second_usd:
        seconds = (rival.latency_ms - over.latency_ms) * 0.001
        price += f" + {seconds:.1f} s x {format_usd(weights.second_usd)} USD"
    if rival.extra_usd != over.extra_usd:
        price += f" {rival.extra_usd - over.extra_usd:+.4g} USD (switching)"
    head = f"{roster.arms[choice.rival].name}: " if len(offers) > 2 else ""
    return (
        f"{head}uplift {uplift:.2f} [{lower:.2f}, {upper:.2f}] x {format_usd(weights.value_usd)} USD"
        f" {_VERBS[choice.bucket]} {price}"
    )


def _obstacles(
    record: DecisionRecord, roster: BoundPolicy, choice: Choice, offers: Sequence[ArmScore], limits: EffectiveLimits
) -> list[str]:
    """Say what keeps the arm that pays most from serving."""
    best, name = offers[choice.best], roster.arms[choice.best].name
    parts: list[str] = []
    if not best.sound:
        why = record.runtime_state.health.get(name, HEALTHY).why
        parts.append(f"{name} is shed{f' ({why})' if why else ''}")
    if not best.in_time:
        parts.append(f"{name} can't keep {limits.deadline_ms:.0f} ms (p95 {best.latency_p95_ms:.0f} ms)")
    if not best.affordable and limits.max_cost_usd is not None:
        parts.append(f"{name} breaks the cost cap of {format_usd(limits.max_cost_usd)} USD")
    return parts


def _overruled(record: DecisionRecord, roster: BoundPolicy, choice: Choice, offers: Sequence[ArmScore]) -> list[str]:
    parts: list[str] = []
    arm = roster.arms[choice.place].name
    if choice.because == "tool_loop":
        parts.append(f"{arm} is kept while a tool loop is open")
    elif choice.because == "client":
        asked = record.context.client_effort
        served = "" if asked == choice.effort else f", the policy allows {choice.effort}"
        parts.append(f"the client asks for effort {asked}{served}")
    elif choice.because == "explored":
        parts.append(f"{arm} was drawn to learn (propensity {choice.propensity:.3g})")
    elif choice.because == "infeasible":
        kind = "fastest" if offers[choice.place].affordable else "cheapest"
        parts.append(f"no arm keeps every limit: {arm} is the {kind} that may serve")
    elif choice.because == "behaviour" and choice.fallback is None:
        parts.append(f"the policy takes {'the baseline' if choice.place == 0 else arm} where it is unsure")
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
    """Write USD with two decimals, and with two digits that count where that is less than a cent and a half.

    Examples
    --------
    >>> format_usd(0.5), format_usd(0.031), format_usd(0.00064), format_usd(0.0), format_usd(12.0)
    ('0.50', '0.031', '0.00064', '0.00', '12.00')
    """
    if amount == 0.0 or abs(amount) >= 0.1:
        return f"{amount:.2f}"
    return f"{amount:.2g}" if abs(amount) >= 1e-4 else f"{amount:.1e}"
