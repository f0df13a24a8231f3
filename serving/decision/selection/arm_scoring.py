"""Works out what each arm would give and take for one request, and which arms may serve it."""

from __future__ import annotations

from collections.abc import Mapping

from serving.decision.errors import BadInput
from serving.decision.fast_dataclass import fast_dataclass
from serving.decision.policy.arms import effort_rank
from serving.decision.policy.bound_policy import BoundPolicy
from serving.decision.policy.policy import Terms
from serving.decision.pricing.rate_card import expected_cost
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
    uplift, lower, upper
        P(success | arm) - P(success | baseline) and its interval; 0 for the baseline.
    cost_usd
        Expected, with retries.
    latency_ms, latency_p95_ms
        Of one call, live.
    tokens, tokens_p95
        Output tokens, hidden ones included.
    extra_usd
        What it costs to change the arm within the session.
    allowed, sound, in_time, affordable
        No rule excludes it; it is not shed; its p95 keeps the deadline; its cost keeps the cap.
    """

    success: float
    uplift: float
    lower: float
    upper: float
    cost_usd: float
    latency_ms: float
    latency_p95_ms: float
    tokens: float
    tokens_p95: float
    extra_usd: float
    allowed: bool
    sound: bool
    in_time: bool
    affordable: bool


@fast_dataclass
class EffectiveLimits:
    """What limits one call.

    Parameters
    ----------
    deadline_ms
        The tightest of the request's deadline (or the policy's, where it has none) and the limit on total time.
    max_cost_usd
        The lower of the request's and the policy's cap; None for none.
    """

    deadline_ms: float
    max_cost_usd: float | None


def effective_limits(record: DecisionRecord, terms: Terms) -> EffectiveLimits:
    """Bring the request's and the policy's limits together."""
    asked = record.context.deadline_ms
    deadline = terms.deadline_ms if asked is None else asked
    total = float(terms.limits.total_ms)
    caps = [cap for cap in (record.context.max_cost_usd, terms.max_cost_usd) if cap is not None]
    return EffectiveLimits(total if deadline is None else min(deadline, total), min(caps) if caps else None)


def score_arms(
    record: DecisionRecord, roster: BoundPolicy, terms: Terms, limits: EffectiveLimits
) -> tuple[ArmScore, ...]:
    """Work out the (K,) offers.

    Raises
    ------
    EveryArmDenied
        The rules leave no arm.
    """
    session, health = record.runtime_state.session, record.runtime_state.health
    before = roster.index_of(session.arm) if session else None
    allowed = allowed_indices(record.context, record.runtime_state.headers, roster, terms)
    baseline = health.get(roster.arms[0].name, HEALTHY) if health else HEALTHY
    out = []
    for place, arm in enumerate(roster.arms):
        state = health.get(arm.name, HEALTHY) if health else HEALTHY
        cached, extra = 0, 0.0
        if session is not None and before is not None:
            cached = session.cached_tokens if arm.model == roster.arms[before].model else 0
            extra = 0.0 if place == before else terms.switching_cost_usd
        link = _Link(cached, extra, state.success_shift - baseline.success_shift, allowed is None or place in allowed)
        out.append(_offer(record, roster, terms, limits, state, place, link))
    return tuple(out)


@fast_dataclass
class _Link:
    """What an arm's offer takes from the session, the baseline and the rules."""

    cached_tokens: int
    extra_usd: float
    uplift_shift: float
    allowed: bool


def _offer(
    record: DecisionRecord,
    roster: BoundPolicy,
    terms: Terms,
    limits: EffectiveLimits,
    state: ArmHealth,
    place: int,
    link: _Link,
) -> ArmScore:
    prediction = record.prediction
    tokens = prediction.output_tokens_mean[place] * state.tokens_factor
    latency = prediction.latency_mean_ms[place] * state.latency_factor
    p95 = prediction.latency_p95_ms[place] * state.latency_factor
    input_tokens = record.runtime_state.input_tokens or 0
    retries = terms.expected_retries if state.expected_retries is None else state.expected_retries
    rates = roster.cards[place].rates(record.now, input_tokens)
    cost = expected_cost(rates, input_tokens, link.cached_tokens, tokens, latency, min(retries, terms.limits.retries))
    uplift = lower = upper = 0.0
    if place:
        uplift = prediction.uplift[place - 1] + link.uplift_shift
        lower = min(prediction.uplift_lower[place - 1] + link.uplift_shift, uplift)
        upper = max(prediction.uplift_upper[place - 1] + link.uplift_shift, uplift)
    return ArmScore(
        success=min(max(prediction.success[place] + state.success_shift, 0.0), 1.0),
        uplift=uplift,
        lower=lower,
        upper=upper,
        cost_usd=cost,
        latency_ms=latency,
        latency_p95_ms=p95,
        tokens=tokens,
        tokens_p95=prediction.output_tokens_p95[place] * state.tokens_factor,
        extra_usd=link.extra_usd,
        allowed=link.allowed,
        sound=not state.shed,
        in_time=p95 <= limits.deadline_ms,
        affordable=limits.max_cost_usd is None or cost <= limits.max_cost_usd,
    )


def allowed_indices(
    context: RequestContext, headers: Mapping[str, str], roster: BoundPolicy, terms: Terms
) -> set[int] | None:
    """Give the places that rules and `max_effort` leave; None for all.

    Raises
    ------
    EveryArmDenied
        They leave none.
    """
    capped = terms.max_effort != "max"
    rules = roster.policy.rules
    if not capped and not rules:
        return None
    matching = [rule for rule in rules if rule.matches(context.task, context.tenant, headers)]
    wanted = {name for rule in matching for name in rule.allow}
    denied = {name for rule in matching for name in rule.deny}
    most = effort_rank(terms.max_effort)
    left = {
        place
        for place, arm in enumerate(roster.arms)
        if roster.ranks[place] <= most and arm.name not in denied and (not wanted or arm.name in wanted)
    }
    if not left:
        lines = ", ".join(str(rule.line) for rule in matching if rule.line)
        raise EveryArmDenied(
            f"policy {roster.policy.name!r} leaves no arm for this request (max_effort {terms.max_effort},"
            f" rules at line {lines or '-'}): loosen one of them"
        )
    return left
